"""Read a JSON file of a source, or say in one sentence why it cannot be read."""

import json
from pathlib import Path
from typing import Any

from touchline.faults import BadInput


def load(file: Path, key: str, kind: type[list] | type[dict]) -> Any:
    """What stands under `key`, or the whole file when `key` is empty; a `BadInput` otherwise."""
    if not file.is_file():
        raise BadInput(file, "is missing", "fetch it again or take its match out")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput(file, f"is not valid JSON ({error})", "fetch it again or mend it") from error
    if key and (not isinstance(content, dict) or key not in content):
        raise BadInput(file, f"lacks the key {key!r}", "check that this is the right file")
    found = content[key] if key else content
    if not isinstance(found, kind):
        place = f"{file}: {key}" if key else file
        raise BadInput(place, f"is not a {kind.__name__}", "check that this is the right file")
    return found
