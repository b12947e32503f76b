"""The words put to a model: one text file each, and nowhere else is a prompt written."""

import re
from functools import cache
from pathlib import Path

FIELD_PATTERN = re.compile(r"\{(\w+)\}")


@cache
def read_prompt(name: str) -> str:
    """The text of one prompt, fields in braces, without the file's last line break."""
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").strip()


def render_prompt(name: str, **fields: str) -> str:
    """Fill a prompt in; a value is never read as a field again."""
    return FIELD_PATTERN.sub(lambda field: fields[field[1]], read_prompt(name))


def split_prompt_fragments(name: str) -> list[str]:
    """What stands between the fields: the fixed phrases a small tokenizer takes in one piece."""
    return [
        part for i, part in enumerate(FIELD_PATTERN.split(read_prompt(name))) if i % 2 == 0 and part
    ]
