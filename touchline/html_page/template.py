"""Render a Jinja template to one offline HTML file, all untrusted text escaped.

A room keeps the template of its page; head, style and filter script are shared and stand here.
"""

import base64
import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL.Image import Image

from touchline.atomic import atomic_file
from touchline.chat.timecode import format_time
from touchline.records.clip import Clip

FRAME_HEIGHT = 68  # pixels on the page, drawn at the store's own shape
JPEG_QUALITY = 70  # JPEG


class FrameStylesheet:
    """Collects frames while a page is built; `css` returns all of them as style rules with data
    URIs.

    `fetch(clip, time)` returns a picture; clips under licence terms in `withheld` are not shown.
    """

    def __init__(
        self,
        fetch: Callable[[Clip, float], Image],
        withheld: Collection[str],
        height: int = FRAME_HEIGHT,
    ) -> None:
        self.fetch, self.withheld, self.height = fetch, withheld, height
        self.class_by_frame: dict[tuple[str, float], tuple[str, int]] = {}
        self.rules: list[str] = []

    def show(self, clip: Clip, time: float) -> tuple[str, int] | None:
        """Register a frame. Returns (CSS class, width in pixels), or None if the clip's licence
        forbids showing it.
        """
        if self.hides(clip):
            return None
        key = (clip.id, time)
        if key not in self.class_by_frame:
            self.class_by_frame[key] = self._add(self.fetch(clip, time))
        return self.class_by_frame[key]

    def hides(self, clip: Clip) -> bool:
        """Whether the clip's pictures and text may not be shown."""
        return clip.terms in self.withheld

    def _add(self, image: Image) -> tuple[str, int]:
        width = round(image.width * self.height / image.height)
        if image.height > self.height:
            image = image.resize((width, self.height))
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
        data = base64.b64encode(file.getvalue()).decode()
        name = f"f{len(self.rules)}"
        self.rules.append(f".{name}{{background-image:url(data:image/jpeg;base64,{data})}}")
        return name, width

    def css(self) -> Markup:
        """The style rules. Safe as markup: they contain only generated class names and base64."""
        return Markup("\n".join(self.rules))


SHARED_FOLDER = Path(__file__).parent
# The browser itself refuses any request: everything is inline, pictures are data.
CONTENT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'"
)


def write_html_page(path: Path, template: Path, **context: Any) -> None:
    """Render `template` with `context` and write it atomically to `path`. A name missing from the
    context raises an error.
    """
    style = Markup((SHARED_FOLDER / "style.css").read_text(encoding="utf-8"))
    script = Markup((SHARED_FOLDER / "filter.js").read_text(encoding="utf-8"))
    fixed = {"style": style, "script": script, "policy": CONTENT_POLICY}
    page = _environment(template.parent).get_template(template.name).render(**fixed, **context)
    with atomic_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, SHARED_FOLDER]),
        autoescape=True,  # answers and thoughts are a model's words: never markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"spoken": format_time, "number": format_number, "signed": format_signed}
    return environment


def format_number(value: Any) -> str:
    """Format a value for display: 0.8251 -> `0.83`, 15.25 -> `15.2`, 1234 -> `1,234`; strings are
    unchanged.
    """
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:,.{1 if abs(value) < 100 else 0}f}"
    return f"{value:,}" if type(value) is int else str(value)


def format_signed(value: float) -> str:
    """Format a difference with its sign: 0.013 -> `+0.01`. Uses a true minus sign; values that
    round to zero become `+0.00`.
    """
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
