"""Change params.yaml for one run: whole settings from presets/, single keys from `--set`."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.atomic import whole_file
from touchline.config import LONGEST, parsed, quoted, read_yaml
from touchline.errors import BadInput

NAME = re.compile(r"\w[\w.-]{0,99}(/\w[\w.-]{0,99})?", re.ASCII)  # VARIANT or PRESET/VARIANT


def apply(folder: Path, preset: str | None, sets: Iterable[str]) -> dict[str, Any]:
    """Write preset and settings into the folder's params.yaml; return what changed, by dotted key.

    A key of a preset replaces that key wholly; `--set a.b=1` comes after the preset. Comments and
    order of the file stay. An unknown key or a value of another type is a `BadInput`.
    """
    file, yaml = folder / "params.yaml", _round_trip()
    params = parsed(file, yaml) if read(file) else {}  # `read` fails of a bad one at once
    wishes = _preset(folder, preset) if preset else {}
    wishes |= dict(_split(text) for text in sets)
    for key, value in wishes.items():
        _replace(params, key, value)
    if wishes:
        with whole_file(file) as draft, draft.open("w") as stream:
            yaml.dump(params, stream)
    return wishes


def flat(params: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The leaves of nested settings by dotted key."""
    leaves: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{above}{key}"
        leaves |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return leaves


def read(file: Path) -> dict[str, Any]:
    """params.yaml as plain values (YAML 1.2: `1e-4` is a number); {} where there is none."""
    found = parsed(file) or {} if file.is_file() else {}
    if not isinstance(found, dict):
        raise BadInput(file, "is no mapping", "write `section: {key: value}`")
    return found


def _preset(folder: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The keys of a preset; those of the one that it is `like` come first."""
    if not NAME.fullmatch(str(name)):
        short = quoted(name)
        raise BadInput(f"--preset {short}", "is no name of a preset", "name a file of presets/")
    file = folder / "presets" / f"{name}.yaml"
    if not file.is_file():
        known = [path.stem for path in sorted(file.parent.glob("*.yaml"))]
        raise BadInput(f"--preset {name}", "there is no such preset", _near(name, known))
    given = read(file)
    first = given.pop("like", None)
    if not isinstance(first, str | None):
        wrong = f"is {_kind(first)}, no name of a preset"
        raise BadInput(f"{file.name}: like", wrong, "put it in quotes")
    if first in (name, *above):
        raise BadInput(f"{file.name}: like", f"{first} leads back to itself", "break the circle")
    return ({} if first is None else _preset(folder, first, (name, *above))) | {
        f"{section}.{key}": value
        for section, keys in given.items()
        for key, value in _keys(file, section, keys).items()
    }


def _keys(file: Path, section: str, keys: Any) -> dict[str, Any]:
    if not isinstance(keys, dict):
        raise BadInput(f"{file.name}: {section}", "is no section", "write `section: {key: value}`")
    return keys


def _split(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key or len(key) > LONGEST:
        short = text[:LONGEST]
        raise BadInput(f"--set {short}", "is not KEY=VALUE", "write e.g. --set sft.lr=1e-4")
    return key.strip(), read_yaml(value, f"--set {text[:LONGEST]}")


def _replace(params: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    place: Any = params
    for depth, name in enumerate([*above, last]):
        if not isinstance(place, dict) or name not in place:
            _unknown(params, key, ".".join([*above, last][: depth + 1]))
        if depth < len(above):
            place = place[name]
    if not _same_type(place[last], value):
        wrong = (
            f"{quoted(value)} is {_kind(value)}, the value in params.yaml is {_kind(place[last])}"
        )
        raise BadInput(key, wrong, f"give {_kind(place[last])}")
    place[last] = value


def _unknown(params: dict[str, Any], key: str, where: str) -> None:
    known = set(flat(params))
    known |= {
        name.rsplit(".", depth)[0] for name in known for depth in range(1, name.count(".") + 1)
    }
    raise BadInput(key, f"params.yaml has no `{where}`", _near(key, sorted(known)))


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"


def _same_type(old: Any, new: Any) -> bool:
    """An integer may stand for a real number; null may replace and be replaced."""
    kinds = {_kind(old), _kind(new)}
    return (
        len(kinds) == 1
        or "null" in kinds
        or (kinds == {"a number", "an integer"} and (_kind(old) == "a number"))
    )


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}
    kinds |= {list: "a list", dict: "a mapping"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")


def _round_trip() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml
