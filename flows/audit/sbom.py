"""A CycloneDX bill of materials: packages of the lock, dataset versions, models with their scores.

The library writes all but the model card, which its classes do not know yet: that part is put
into its JSON, and a test holds the whole to CycloneDX' own schema.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx import model
from cyclonedx.model import bom as bill
from cyclonedx.model import component
from cyclonedx.model.component import ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from flows.audit.facts import Case, pins

# A decorator of the library hides the constructors of its classes from a type checker.
Bom: Any = bill.Bom
Component: Any = component.Component
Property: Any = model.Property


def write(case: Case) -> str:
    """The JSON text."""
    run = case.run
    top = Component(
        name="touchline", type=ComponentType.APPLICATION, bom_ref="code", version=run["commit"]
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"urn:touchline:audit:{run['id']}"))
    bom.metadata.timestamp = datetime.fromisoformat(run["ended"] or run["started"])
    bom.metadata.component = top
    models, data = list(_models(case)), list(_data(case))
    packages = list(_packages(case.files.get("requirements.lock", b"").decode()))
    for one in (*models, *data, *packages):
        bom.components.add(one)
    for one in models:
        bom.register_dependency(one, data)
    bom.register_dependency(top, [*models, *packages])
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    for one in told.get("components", []):
        if one["type"] == "machine-learning-model":
            one["modelCard"] = _card(case, one["name"], [each.name for each in data])
    return json.dumps(told, indent=1) + "\n"


def _models(case: Case) -> Iterator[Any]:
    for path, md5 in case.models.items():
        yield _made(path, md5, ComponentType.MACHINE_LEARNING_MODEL, case.terms(path))


def _data(case: Case) -> Iterator[Any]:
    for file in case.made():
        if file["path"] not in case.models and file["md5"].endswith(".dir"):
            yield _made(file["path"], file["md5"], ComponentType.DATA, file["terms"])


def _made(path: str, md5: str, kind: ComponentType, terms: str) -> Any:
    told = [Property(name="dvc:md5", value=md5)]
    told += [Property(name="touchline:terms", value=terms)] if terms else []
    return Component(name=path, type=kind, bom_ref=path, version=md5, properties=told)


def _packages(lock: str) -> Iterator[Any]:
    for name, version in pins(lock).items():
        url = PackageURL("pypi", None, name.lower().replace("_", "-"), version)
        yield Component(name=name, version=version, purl=url, bom_ref=url.to_string())


def _card(case: Case, path: str, data: list[str]) -> dict[str, Any]:
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "datasets": [{"ref": ref} for ref in sorted(data)],
        },
        "quantitativeAnalysis": {
            "performanceMetrics": list(_scores(case, path.rsplit("/", 1)[-1]))
        },
        "considerations": {
            "technicalLimitations": [
                "It was measured on the matches of the run's own test split and on nothing else."
            ]
        },
    }


def _scores(case: Case, name: str) -> Iterator[dict[str, Any]]:
    """Of the candidate that bears the model's name."""
    for _, candidate, task, metric, found in case.scores():
        if candidate == name:
            told: dict[str, Any] = {"type": f"{task}.{metric}", "value": str(found["value"])}
            if found.get("low") is not None:
                ends = {"lowerBound": str(found["low"]), "upperBound": str(found["high"])}
                told["confidenceInterval"] = ends
            yield told
