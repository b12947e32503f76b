"""The words put to a model: one text file each, and nowhere else is a prompt written."""

import re
from functools import cache
from pathlib import Path

FIELD = re.compile(r"\{(\w+)\}")


@cache
def words(name: str) -> str:
    """The text of one prompt, fields in braces, without the file's last line break."""
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").strip()


def render(name: str, **fields: str) -> str:
    """Fill a prompt in; a value is never read as a field again."""
    return FIELD.sub(lambda field: fields[field[1]], words(name))


def fragments(name: str) -> list[str]:
    """What stands between the fields: the fixed phrases a small tokenizer takes in one piece."""
    return [part for i, part in enumerate(FIELD.split(words(name))) if i % 2 == 0 and part]
