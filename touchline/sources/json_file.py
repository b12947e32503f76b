"""Read a JSON file of a source, or say in one sentence why it cannot be read."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from touchline.faults import BadInput
from touchline.sources import text_file


def load(file: Path, key: str, kind: type[list] | type[dict]) -> Any:
    """What stands under `key`, or the whole file when `key` is empty; a `BadInput` otherwise."""
    text = text_file.read(file)
    try:
        content = json.loads(text, parse_int=whole)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; 100,000 brackets
        raise BadInput(file, f"is not valid JSON ({error})", "fetch it again or mend it") from error
    if key and (not isinstance(content, dict) or key not in content):
        raise BadInput(file, f"lacks the key {key!r}", "check that this is the right file")
    found = content[key] if key else content
    if not isinstance(found, kind):
        place = f"{file}: {key}" if key else file
        raise BadInput(place, f"is not a {kind.__name__}", "check that this is the right file")
    return found


def whole(text: str) -> int | float:
    """A whole number; infinite, as 1e400 is, where no float can hold it.

    A later `math.isfinite` or `float` would fail of it otherwise.
    """
    number = int(text)
    if abs(number) <= sys.float_info.max:
        return number
    return math.inf if number > 0 else -math.inf
