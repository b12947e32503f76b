"""The prompts of a dialogue with a model, one text file each in this folder."""

from pathlib import Path

from touchline.prompt_text import fill_prompt_fields, read_prompt_file, split_prompt_fields


def read_prompt(name: str) -> str:
    """The text of prompt `name`, with its {fields} unfilled."""
    return read_prompt_file(Path(__file__).parent / f"{name}.txt")


def render_prompt(name: str, **fields: str) -> str:
    """Fill in the fields of prompt `name`; braces within values are kept as they are."""
    return fill_prompt_fields(read_prompt(name), fields)


def split_prompt_fragments(name: str) -> list[str]:
    """The fixed text between the fields of a prompt, used as tokens of the tiny
    model's vocabulary.
    """
    return split_prompt_fields(read_prompt(name))
