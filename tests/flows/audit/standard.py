"""Holds events to OpenLineage's standard, as the classes of its own client have it.

The classes are generated from the published schemas: their fields are the schemas' properties,
fields without a default are required ones.
"""

import importlib
import pkgutil
import types
import typing
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

import attr
import jsonschema
from openlineage.client import generated
from openlineage.client.generated.base import RunEvent

PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
FACETS = ("facets", "inputFacets", "outputFacets")


@cache
def classes() -> dict[str, type]:
    """Every facet by the address of its schema."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(one, type) and attr.has(one) and hasattr(one, "_get_schema"):
                found[one._get_schema()] = one
    return found


def schema(kind: Any) -> dict[str, Any]:
    """JSON schema of a type: classes, lists, dicts, unions with None."""
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [schema(one) for one in inner if one is not type(None)]}
    if origin is list:
        return {"type": "array", "items": schema(inner[0])}
    if origin is dict:
        return {"type": "object"}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    return _object(kind) if attr.has(kind) else {}


def _object(kind: type, base: bool = False) -> dict[str, Any]:
    if kind.__name__ == "SchemaDatasetFacetFields" and base:
        return {"type": "object"}
    hints = typing.get_type_hints(kind)
    fields = attr.fields(kind)
    needed = [f.name for f in fields if f.default is attr.NOTHING]
    inner = {f.name: _deeper(kind, hints[f.name]) for f in fields}
    return {"type": "object", "properties": inner, "required": needed}


def _deeper(kind: type, hint: Any) -> dict[str, Any]:
    """The columns of a column are columns: one turn of the circle is enough."""
    names = str(hint)
    return {} if kind.__name__ in names and "list" in names else schema(hint)


def check(event: dict[str, Any]) -> None:
    """Raises what is wrong with an event: its frame, and every facet by its own schema."""
    jsonschema.validate(event, schema(RunEvent))
    UUID(event["run"]["runId"])
    held = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for one in held:
        for kind in FACETS:
            for name, facet in one.get(kind, {}).items():
                _facet(name, facet)


def _facet(name: str, facet: dict[str, Any]) -> None:
    kind = classes()[facet["_schemaURL"]]
    jsonschema.validate(facet, schema(kind))
    known = {field.name for field in attr.fields(kind)}
    assert name.startswith("touchline") or set(facet) <= known, (name, set(facet) - known)
    assert facet["_producer"].startswith("urn:touchline:")
