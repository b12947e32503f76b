"""A CycloneDX bill of materials: locked packages, dataset versions, and models with their scores.

The library's classes do not support model cards, so that part is added to its JSON; a test
validates the result against CycloneDX's schema.
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

from flows.audit.facts import AuditCase
from flows.runs.changes import parse_pinned_versions

# A decorator of the library hides the constructors of its classes from a type checker.
Bom: Any = bill.Bom
Component: Any = component.Component
Property: Any = model.Property


def format_sbom(case: AuditCase) -> str:
    """The CycloneDX 1.6 JSON text of a run's packages, datasets and models."""
    run = case.run
    top = Component(
        name="touchline", type=ComponentType.APPLICATION, bom_ref="code", version=run["commit"]
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"urn:touchline:audit:{run['id']}"))
    bom.metadata.timestamp = datetime.fromisoformat(run["ended"] or run["started"])
    bom.metadata.component = top
    models, data = list(_model_components(case)), list(_dataset_components(case))
    packages = list(_package_components(case.files.get("requirements.lock", b"").decode()))
    for entry in (*models, *data, *packages):
        bom.components.add(entry)
    for entry in models:
        bom.register_dependency(entry, data)
    bom.register_dependency(top, [*models, *packages])
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    for entry in document.get("components", []):
        if entry["type"] == "machine-learning-model":
            entry["modelCard"] = _model_card(
                case, entry["name"], [dataset.name for dataset in data]
            )
    return json.dumps(document, indent=1) + "\n"


def _model_components(case: AuditCase) -> Iterator[Any]:
    for path, md5 in case.models.items():
        yield _product_component(path, md5, ComponentType.MACHINE_LEARNING_MODEL, case.terms(path))


def _dataset_components(case: AuditCase) -> Iterator[Any]:
    for file in case.product_files():
        if file["path"] not in case.models and file["md5"].endswith(".dir"):
            yield _product_component(file["path"], file["md5"], ComponentType.DATA, file["terms"])


def _product_component(path: str, md5: str, kind: ComponentType, terms: str) -> Any:
    properties = [Property(name="dvc:md5", value=md5)]
    properties += [Property(name="touchline:terms", value=terms)] if terms else []
    return Component(name=path, type=kind, bom_ref=path, version=md5, properties=properties)


def _package_components(lock: str) -> Iterator[Any]:
    for name, version in parse_pinned_versions(lock).items():
        url = PackageURL("pypi", None, name.lower().replace("_", "-"), version)
        yield Component(name=name, version=version, purl=url, bom_ref=url.to_string())


def _model_card(case: AuditCase, path: str, data: list[str]) -> dict[str, Any]:
    approach = {"approach": {"type": case.approaches[path]}} if path in case.approaches else {}
    return {
        "modelParameters": {**approach, "datasets": [{"ref": ref} for ref in sorted(data)]},
        "quantitativeAnalysis": {
            "performanceMetrics": list(_performance_metrics(case, path.rsplit("/", 1)[-1]))
        },
        "considerations": {
            "technicalLimitations": [
                "It was measured on the matches of the run's own test split and on nothing else."
            ]
        },
    }


def _performance_metrics(case: AuditCase, name: str) -> Iterator[dict[str, Any]]:
    """Performance metrics of the candidate named like the model."""
    for _, candidate, task, metric, score in case.scores():
        if candidate == name:
            entry: dict[str, Any] = {"type": f"{task}.{metric}", "value": str(score["value"])}
            if score.get("low") is not None:
                bounds = {"lowerBound": str(score["low"]), "upperBound": str(score["high"])}
                entry["confidenceInterval"] = bounds
            yield entry
