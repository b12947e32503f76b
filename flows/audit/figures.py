"""Figures on an audit page, each with the place in a JSON file that it was read from.

The writer reads the value from the file and the checker reads it again, so that every number on a
page is verifiable.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

Value = Any


def _format_seconds(value: float) -> str:
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes}:{seconds:02d}"


SHAPES: dict[str, Callable[[Value], str]] = {
    "text": str,
    "count": lambda value: f"{value:,}" if isinstance(value, int) else f"{value:,.0f}",
    "figure": lambda value: f"{value:.3f}",
    "one": lambda value: f"{value:,.1f}",
    "clock": _format_seconds,
    "short": lambda value: str(value)[:12],
}
KEY_SHAPE = "key"  # the figure is the last part of its place, not what stands there


class MissingFigure(KeyError):
    """The JSON pointer leads to no value."""


def resolve_pointer(node: Any, pointer: str) -> Value:
    """The value at a JSON pointer; raises `MissingFigure`."""
    for part in pointer.split("/")[1:]:
        try:
            node = node[int(part)] if isinstance(node, list) else node[unescape_pointer_part(part)]
        except (KeyError, IndexError, TypeError, ValueError):
            raise MissingFigure(pointer) from None
    return node


def build_pointer(*path: str | int) -> str:
    """Build a JSON pointer from its parts."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def unescape_pointer_part(part: str) -> str:
    """Undo the JSON pointer escapes of one part."""
    return part.replace("~1", "/").replace("~0", "~")


def format_figure(document: Any, place: str, shape: str) -> str:
    """The text in which a page shows the value at a JSON pointer. Raises `MissingFigure`, or
    KeyError for an unknown shape.
    """
    value = resolve_pointer(document, place)
    return (
        unescape_pointer_part(place.rpartition("/")[2])
        if shape == KEY_SHAPE
        else SHAPES[shape](value)
    )


class FigureQuoter:
    """Quotes values of a folder's JSON files as HTML that names file, pointer and format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.load = cache(lambda file: json.loads((folder / file).read_text(encoding="utf-8")))

    def __call__(self, file: str, *path: str | int, shape: str = "text", tag: str = "a") -> Markup:
        """The HTML of one figure: a link to its file, or in a drawing (`tag='tspan'`)
        a text span.
        """
        place = build_pointer(*path)
        text = format_figure(self.load(file), place, shape)
        link = Markup(' class="n" href="{}"').format(file) if tag == "a" else Markup("")
        return Markup('<{0}{1} data-file="{2}" data-at="{3}" data-as="{4}">{5}</{0}>').format(
            Markup(tag), link, file, place, shape, text
        )

    def name(self, file: str) -> Markup:
        """The HTML of a file's own name, which may contain digits."""
        return Markup('<span data-file="{0}" data-as="name">{0}</span>').format(file)

    def whole(self, file: str) -> Markup:
        """The HTML of a text file, quoted in full."""
        text = (self.folder / file).read_text(encoding="utf-8", errors="replace")
        return Markup('<pre data-file="{}">{}</pre>').format(file, Markup("\n") + escape(text))
