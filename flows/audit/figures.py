"""A figure on a page and the place in a measured file that it was read from.

The writer takes the value out of the file and the checker does the same again, so that a page can
say no number that is not in a file beside it.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

Value = Any


def _clock(value: float) -> str:
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}:{rest:02d}"


SHAPES: dict[str, Callable[[Value], str]] = {
    "text": str,
    "count": lambda value: f"{value:,}" if isinstance(value, int) else f"{value:,.0f}",
    "figure": lambda value: f"{value:.3f}",
    "one": lambda value: f"{value:,.1f}",
    "clock": _clock,
    "short": lambda value: str(value)[:12],
}
KEY = "key"  # the figure is the last part of its place, not what stands there


class Missing(KeyError):
    """There is nothing at this place."""


def at(given: Any, pointer: str) -> Value:
    """What a JSON pointer leads to; raises `Missing`."""
    for part in pointer.split("/")[1:]:
        try:
            given = given[int(part)] if isinstance(given, list) else given[plain(part)]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Missing(pointer) from None
    return given


def pointer(*path: str | int) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def plain(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def said(given: Any, place: str, shape: str) -> str:
    """How a page must say what stands at a place; raises `Missing`, or KeyError for the shape."""
    found = at(given, place)
    return plain(place.rpartition("/")[2]) if shape == KEY else SHAPES[shape](found)


class Figures:
    """The measured files of a folder, and the mark-up of what is quoted from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.load = cache(lambda file: json.loads((folder / file).read_text(encoding="utf-8")))

    def __call__(self, file: str, *path: str | int, shape: str = "text", tag: str = "a") -> Markup:
        """A figure that links to its file; `tag` is `tspan` in a drawing."""
        place = pointer(*path)
        text = said(self.load(file), place, shape)
        link = Markup(' class="n" href="{}"').format(file) if tag == "a" else Markup("")
        return Markup('<{0}{1} data-file="{2}" data-at="{3}" data-as="{4}">{5}</{0}>').format(
            Markup(tag), link, file, place, shape, text
        )

    def name(self, file: str) -> Markup:
        """A file's own name, which may hold digits."""
        return Markup('<span data-file="{0}" data-as="name">{0}</span>').format(file)

    def whole(self, file: str) -> Markup:
        """A text file, quoted from end to end."""
        text = (self.folder / file).read_text(encoding="utf-8", errors="replace")
        return Markup('<pre data-file="{}">{}</pre>').format(file, Markup("\n") + escape(text))
