"""Command line of a stage: load its sections of params.yaml, parse its paths, run `main`, write
metrics.
"""

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
    """Base class of a section of params.yaml. Subclasses have no default values, because DVC cannot
    see them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_params_section(kind: type[Params], name: str, file: Path) -> Any:
    """Load section `name` of a YAML file into `kind`. Raises InputError naming missing, unknown or
    invalid keys.
    """
    if not file.is_file():
        raise InputError(file, "is missing", "run from the project's root")
    sections = load_yaml_file(file) or {}
    if not isinstance(sections, dict) or name not in sections:
        raise InputError(f"{file}: {name}", "this section is missing", f"add `{name}:` to the file")
    try:
        return kind.model_validate(sections[name])
    except ValidationError as error:
        faults = "; ".join(
            f"{_join_key(name, e['loc'])}: {_describe_error(e)}" for e in error.errors()
        )
        raise InputError(file, faults, "correct these keys") from None


def load_yaml_file(file: Path, yaml: YAML | None = None) -> Any:
    """Parse a YAML 1.2 file (`2e-5` is a number). Raises InputError if it cannot be read."""
    try:
        return parse_yaml(file.read_text(encoding="utf-8"), file, yaml)
    except UnicodeDecodeError:
        raise InputError(file, "is not UTF-8", "write it in UTF-8") from None


def parse_yaml(text: str, place: object, yaml: YAML | None = None) -> Any:
    """Parse YAML text. Raises InputError(place) if it is invalid, nested too deeply, or expands to
    more than MAX_VALUES values (aliases can repeat endlessly).
    """
    try:
        too_deep = _is_too_deep(text)
        document = None if too_deep else (yaml or YAML(typ="safe")).load(io.StringIO(text))
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(place, f"is not YAML ({reason[:MAX_QUOTED]})", "correct it") from None
    if too_deep:
        raise InputError(place, f"is nested more than {MAX_DEPTH} levels deep", "write it flatter")
    todo, values_left = [document], MAX_VALUES
    while todo and values_left:
        value, values_left = todo.pop(), values_left - 1
        inner = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
        todo += inner
    if todo:
        raise InputError(place, f"holds more than {MAX_VALUES} values", "write out what it repeats")
    return document


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
    """repr of a value, shortened in depth and length for an error message."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother, short.maxlong = (
        4,
        MAX_QUOTED,
        MAX_QUOTED,
        MAX_QUOTED,
    )
    return short.repr(value)


def run_stage(main: Callable[..., dict[str, float]]) -> None:
    """Run a stage's `main` from the command line and write the dict it returns to `--metrics` as
    JSON.

    Parameters of `main` annotated Path become flags; the others are sections of `--params`. An
    InputError ends the process with its message.
    """
    hints = {n: t for n, t in get_type_hints(main).items() if n != "return"}
    sections = {n: t for n, t in hints.items() if t is not Path}
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(main)))
    for name in [n for n in hints if n not in sections] + ["metrics"]:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    paths = vars(parser.parse_args())
    metrics, params = paths.pop("metrics"), paths.pop("params")
    try:
        section_values = {n: load_params_section(t, n, params) for n, t in sections.items()}
        results = main(**section_values, **paths)
    except InputError as fault:
        sys.exit(f"error: {fault}")
    if os.environ.get("RANK", "0") != "0":
        return  # one of several training processes: the first one reports
    with atomic_file(metrics) as draft:
        draft.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
