"""The prompts, one text file each in this folder."""

import re
from functools import cache
from pathlib import Path

FIELD_PATTERN = re.compile(r"\{(\w+)\}")


@cache
def read_prompt(name: str) -> str:
    """The text of prompt `name`, with its {fields} unfilled."""
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").strip()


def render_prompt(name: str, **fields: str) -> str:
    """Fill in the fields of prompt `name`; braces within values are kept as they are."""
    return FIELD_PATTERN.sub(lambda field: fields[field[1]], read_prompt(name))


def split_prompt_fragments(name: str) -> list[str]:
    """The fixed text between the fields of a prompt, used as tokens of the tiny
    model's vocabulary.
    """
    return [
        part for i, part in enumerate(FIELD_PATTERN.split(read_prompt(name))) if i % 2 == 0 and part
    ]
