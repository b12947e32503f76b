"""The frames a page shows: each one once, as a style class, however many strips show it."""

import base64
import io
from collections.abc import Callable, Collection

from markupsafe import Markup
from PIL.Image import Image

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
