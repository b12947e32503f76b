"""Pages from the templates beside this file: one offline file each, all untrusted text escaped."""

import base64
import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL.Image import Image

from touchline.atomic import whole_file
from touchline.chat.timecode import spoken
from touchline.records import Clip

HEIGHT = 68  # pixels on the page, drawn at the store's own shape
QUALITY = 70  # JPEG


class Pictures:
    """Collects frames while the page is built; `css` then holds all of them as data URIs."""

    def __init__(
        self,
        fetch: Callable[[Clip, float], Image],
        withheld: Collection[str],
        height: int = HEIGHT,
    ) -> None:
        self.fetch, self.withheld, self.height = fetch, withheld, height
        self.known: dict[tuple[str, float], tuple[str, int]] = {}
        self.rules: list[str] = []

    def show(self, clip: Clip, time: float) -> tuple[str, int] | None:
        """(class, width in pixels) of a frame; None when the clip's terms forbid it."""
        if self.hides(clip):
            return None
        key = (clip.id, time)
        if key not in self.known:
            self.known[key] = self._add(self.fetch(clip, time))
        return self.known[key]

    def hides(self, clip: Clip) -> bool:
        """Whether neither pictures nor words of this clip may be shown."""
        return clip.terms in self.withheld

    def _add(self, image: Image) -> tuple[str, int]:
        width = round(image.width * self.height / image.height)
        if image.height > self.height:
            image = image.resize((width, self.height))
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=QUALITY)
        data = base64.b64encode(file.getvalue()).decode()
        name = f"f{len(self.rules)}"
        self.rules.append(f".{name}{{background-image:url(data:image/jpeg;base64,{data})}}")
        return name, width

    def css(self) -> Markup:
        """The style rules: our own text and base64 only, so safe as markup."""
        return Markup("\n".join(self.rules))


FOLDER = Path(__file__).parent
# The browser itself refuses any request: everything is inline, pictures are data.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'"
)


def write_page(path: Path, template: str, **context: Any) -> None:
    """Fill `template` in and write it whole; an unknown name in it is an error, not a gap."""
    style = Markup((FOLDER / "style.css").read_text(encoding="utf-8"))
    script = Markup((FOLDER / "filter.js").read_text(encoding="utf-8"))
    fixed = {"style": style, "script": script, "policy": POLICY}
    page = _environment().get_template(template).render(**fixed, **context)
    with whole_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,  # answers and thoughts are a model's words: never markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"spoken": spoken, "number": number, "signed": signed}
    return environment


def number(value: Any) -> str:
    """0.8251 -> `0.83`, 15.25 -> `15.2`, 1234 -> `1,234`; words stay as they are."""
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:,.{1 if abs(value) < 100 else 0}f}"
    return f"{value:,}" if type(value) is int else str(value)


def signed(value: float) -> str:
    """0.013 -> `+0.01`; a true minus sign for losses, none for a loss that rounds to nothing."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
