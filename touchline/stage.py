"""Turn a stage's `main` into its command line: sections from params.yaml, paths as flags."""

import argparse
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from touchline.faults import BadInput
from touchline.products import whole_file


class Params(BaseModel):
    """A section of params.yaml. No defaults in subclasses: DVC cannot see a default in code."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def section(kind: type[Params], name: str, file: Path) -> Any:
    """Read one section; a misspelt, missing or ill-typed key is a `BadInput` naming it."""
    if not file.is_file():
        raise BadInput(file, "is missing", "run from the project's root")
    every = YAML(typ="safe").load(file) or {}
    if name not in every:
        raise BadInput(f"{file}: {name}", "this section is missing", f"add `{name}:` to the file")
    try:
        return kind.model_validate(every[name])
    except ValidationError as error:
        faults = "; ".join(f"{_key(name, e['loc'])}: {_plain(e)}" for e in error.errors())
        raise BadInput(file, faults, "mend these keys") from None


def _key(name: str, where: tuple[int | str, ...]) -> str:
    return ".".join([name, *map(str, where)])


def _plain(error: Any) -> str:
    words = {"extra_forbidden": "no such key", "missing": "this key is missing"}
    return words.get(error["type"], f"{error['msg']} (got {error['input']!r})")


def run(main: Callable[..., dict[str, float]]) -> None:
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
        given = {n: section(t, n, params) for n, t in sections.items()}
        measured = main(**given, **paths)
    except BadInput as fault:
        sys.exit(f"error: {fault}")
    if os.environ.get("RANK", "0") != "0":
        return  # one of several training processes: the first one reports
    with whole_file(metrics) as draft:
        draft.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
