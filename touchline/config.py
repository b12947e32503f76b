"""Turn a stage's `main` into its command line: sections from params.yaml, paths as flags."""

import argparse
import inspect
import io
import json
import os
import reprlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

from touchline.atomic import atomic_file
from touchline.errors import InputError

MAX_VALUES = 100_000  # values of a file
MAX_DEPTH = 100  # levels of a file; the parser in C has the stack of 10,000, and dies of more
MAX_QUOTED = 200  # letters of what a fault quotes


class Params(BaseModel):
    """A section of params.yaml. No defaults in subclasses: DVC cannot see a default in code."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_params_section(kind: type[Params], name: str, file: Path) -> Any:
    """Read one section; a misspelt, missing or ill-typed key is a `InputError` naming it."""
    if not file.is_file():
        raise InputError(file, "is missing", "run from the project's root")
    every = load_yaml_file(file) or {}
    if not isinstance(every, dict) or name not in every:
        raise InputError(f"{file}: {name}", "this section is missing", f"add `{name}:` to the file")
    try:
        return kind.model_validate(every[name])
    except ValidationError as error:
        faults = "; ".join(
            f"{_join_key(name, e['loc'])}: {_describe_error(e)}" for e in error.errors()
        )
        raise InputError(file, faults, "mend these keys") from None


def load_yaml_file(file: Path, yaml: YAML | None = None) -> Any:
    """What a YAML file holds (1.2: `2e-5` is a number); a `InputError` when it cannot be read."""
    try:
        return parse_yaml(file.read_text(encoding="utf-8"), file, yaml)
    except UnicodeDecodeError:
        raise InputError(file, "is not UTF-8", "write it in UTF-8") from None


def parse_yaml(text: str, place: object, yaml: YAML | None = None) -> Any:
    """What a YAML text holds; what is no YAML, or too much of it, is a `InputError` of the place.

    A few lines of anchors and aliases can stand for billions of values, or for one in itself.
    """
    try:
        deep = _is_too_deep(text)
        found = None if deep else (yaml or YAML(typ="safe")).load(io.StringIO(text))
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        why = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(place, f"is no YAML ({why[:MAX_QUOTED]})", "mend it") from None
    if deep:
        raise InputError(place, f"is nested more than {MAX_DEPTH} levels deep", "write it flatter")
    todo, left = [found], MAX_VALUES
    while todo and left:
        one, left = todo.pop(), left - 1
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        todo += inner
    if todo:
        raise InputError(place, f"holds more than {MAX_VALUES} values", "write out what it repeats")
    return found


def _is_too_deep(text: str) -> bool:
    """Whether a YAML text has more levels than DEEPEST; nothing of it is built."""
    depth = 0
    for event in YAML(typ="safe").parse(io.StringIO(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            return True
    return False


def _join_key(name: str, where: tuple[int | str, ...]) -> str:
    return ".".join([name, *map(str, where)])


def _describe_error(error: Any) -> str:
    words = {"extra_forbidden": "no such key", "missing": "this key is missing"}
    return words.get(error["type"], f"{error['msg']} (got {format_short_value(error['input'])})")


def format_short_value(value: object) -> str:
    """A value as a fault quotes it: without what is too deep or too long for a sentence."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother, short.maxlong = (
        4,
        MAX_QUOTED,
        MAX_QUOTED,
        MAX_QUOTED,
    )
    return short.repr(value)


def run_stage(main: Callable[..., dict[str, float]]) -> None:
    """Run `main` from the command line; the numbers it returns go to `--metrics`."""
    hints = {n: t for n, t in get_type_hints(main).items() if n != "return"}
    sections = {n: t for n, t in hints.items() if t is not Path}
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(main)))
    for name in [n for n in hints if n not in sections] + ["metrics"]:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    paths = vars(parser.parse_args())
    metrics, params = paths.pop("metrics"), paths.pop("params")
    try:
        given = {n: load_params_section(t, n, params) for n, t in sections.items()}
        measured = main(**given, **paths)
    except InputError as fault:
        sys.exit(f"error: {fault}")
    if os.environ.get("RANK", "0") != "0":
        return  # one of several training processes: the first one reports
    with atomic_file(metrics) as draft:
        draft.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
