"""Read prompts from text files and fill in their fields. The files stand in the rooms that use
them.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FIELD_PATTERN = re.compile(r"\{(\w+)\}")


@cache
def read_prompt_file(file: Path) -> str:
    """The text of a prompt, with its {fields} unfilled and no blank ends."""
    return file.read_text(encoding="utf-8").strip()


def fill_prompt_fields(text: str, fields: Mapping[str, str]) -> str:
    """Fill in the {fields} of a prompt; braces within values are kept as they are."""
    return FIELD_PATTERN.sub(lambda field: fields[field[1]], text)


def split_prompt_fields(text: str) -> list[str]:
    """The fixed text between the fields of a prompt, without empty parts."""
    return [part for i, part in enumerate(FIELD_PATTERN.split(text)) if i % 2 == 0 and part]
