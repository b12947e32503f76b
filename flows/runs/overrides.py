"""Change params.yaml for one run: whole sections' keys from presets/, single keys from `--set`."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.atomic import atomic_file
from touchline.config import MAX_QUOTED, format_short_value, load_yaml_file, parse_yaml
from touchline.errors import InputError

PRESET_NAME = re.compile(r"\w[\w.-]{0,99}(/\w[\w.-]{0,99})?", re.ASCII)  # VARIANT or PRESET/VARIANT


def apply_overrides(folder: Path, preset: str | None, sets: Iterable[str]) -> dict[str, Any]:
    """Write preset and settings into the folder's params.yaml; return what changed, by dotted key.

    A key of a preset replaces that key wholly; `--set a.b=1` comes after the preset. Comments and
    order of the file stay. An unknown key or a value of another type is a `InputError`.
    """
    file, yaml = folder / "params.yaml", _round_trip_yaml()
    params = (
        load_yaml_file(file, yaml) if read_yaml_mapping(file) else {}
    )  # `read` fails of a bad one at once
    changes = _read_preset(folder, preset) if preset else {}
    changes |= dict(_parse_setting(text) for text in sets)
    for key, value in changes.items():
        _set_param(params, key, value)
    if changes:
        with atomic_file(file) as draft, draft.open("w") as stream:
            yaml.dump(params, stream)
    return changes


def flatten_params(params: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested parameters into {dotted key: value}."""
    leaves: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{above}{key}"
        leaves |= flatten_params(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return leaves


def read_yaml_mapping(file: Path) -> dict[str, Any]:
    """Read a YAML file into plain values (YAML 1.2: `1e-4` is a number); {} if there is no file.
    Raises an input error if it is not a mapping.
    """
    mapping = load_yaml_file(file) or {} if file.is_file() else {}
    if not isinstance(mapping, dict):
        raise InputError(file, "is not a mapping", "write `section: {key: value}`")
    return mapping


def _read_preset(folder: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The keys of a preset by dotted key, on top of those of the preset that its key
    `like` names.
    """
    if not PRESET_NAME.fullmatch(str(name)):
        short = format_short_value(name)
        raise InputError(
            f"--preset {short}", "is not a name of a preset", "name a file of presets/"
        )
    file = folder / "presets" / f"{name}.yaml"
    if not file.is_file():
        names = [path.stem for path in sorted(file.parent.glob("*.yaml"))]
        raise InputError(f"--preset {name}", "there is no such preset", _suggest_names(name, names))
    preset = read_yaml_mapping(file)
    parent = preset.pop("like", None)
    if not isinstance(parent, str | None):
        wrong = f"is {_describe_type(parent)}, no name of a preset"
        raise InputError(f"{file.name}: like", wrong, "put it in quotes")
    if parent in (name, *above):
        raise InputError(f"{file.name}: like", f"{parent} leads back to itself", "break the circle")
    return ({} if parent is None else _read_preset(folder, parent, (name, *above))) | {
        f"{section}.{key}": value
        for section, keys in preset.items()
        for key, value in _require_section(file, section, keys).items()
    }


def _require_section(file: Path, section: str, keys: Any) -> dict[str, Any]:
    if not isinstance(keys, dict):
        raise InputError(
            f"{file.name}: {section}", "is not a section", "write `section: {key: value}`"
        )
    return keys


def _parse_setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key or len(key) > MAX_QUOTED:
        short = text[:MAX_QUOTED]
        raise InputError(f"--set {short}", "is not KEY=VALUE", "write e.g. --set sft.lr=1e-4")
    return key.strip(), parse_yaml(value, f"--set {text[:MAX_QUOTED]}")


def _set_param(params: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    place: Any = params
    for depth, name in enumerate([*above, last]):
        if not isinstance(place, dict) or name not in place:
            _raise_unknown_key(params, key, ".".join([*above, last][: depth + 1]))
        if depth < len(above):
            place = place[name]
    if not _same_type(place[last], value):
        wrong = (
            f"{format_short_value(value)} is {_describe_type(value)}, the value in params.yaml is "
            f"{_describe_type(place[last])}"
        )
        raise InputError(key, wrong, f"give {_describe_type(place[last])}")
    place[last] = value


def _raise_unknown_key(params: dict[str, Any], key: str, where: str) -> None:
    keys = set(flatten_params(params))
    keys |= {name.rsplit(".", depth)[0] for name in keys for depth in range(1, name.count(".") + 1)}
    raise InputError(key, f"params.yaml has no `{where}`", _suggest_names(key, sorted(keys)))


def _suggest_names(name: str, names: list[str]) -> str:
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(matches)}?" if matches else f"known are {', '.join(names)}"


def _same_type(old: Any, new: Any) -> bool:
    """An integer may stand for a real number; null may replace and be replaced."""
    kinds = {_describe_type(old), _describe_type(new)}
    return (
        len(kinds) == 1
        or "null" in kinds
        or (kinds == {"a number", "an integer"} and (_describe_type(old) == "a number"))
    )


def _describe_type(value: Any) -> str:
    kinds = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}
    kinds |= {list: "a list", dict: "a mapping"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")


def _round_trip_yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml
