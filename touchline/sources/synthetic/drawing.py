"""Players and ball: many small pictures put down at once, and the paths they take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.plane import VideoPlane
from PIL import Image, ImageDraw, ImageFont

from touchline.atomic import whole_file

WIDTH, HEIGHT = 398, 224
Colour = tuple[int, int, int]
WHITE: Colour = (240, 240, 240)
INK: Colour = (14, 14, 18)

# Rows Y, U, V of ITU-R BT.601, limited range: what a decoder assumes of a file this small.
BT601 = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
).T
OFFSET = np.array([16.0, 128.0, 128.0])


@dataclass(frozen=True)
class Picture:
    """Three uint8 planes; `u` and `v` have half the rows and columns of `y`."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray


def yuv(image: Image.Image | np.ndarray) -> Picture:
    """Convert RGB of even height and width; chroma is the mean of 2x2 pixels."""
    planes = np.asarray(image, dtype=np.float64)[..., :3] / 255 @ BT601 + OFFSET
    high, wide = planes.shape[0] // 2, planes.shape[1] // 2
    chroma = planes[..., 1:].reshape(high, 2, wide, 2, 2).mean(axis=(1, 3))
    return Picture(_bytes(planes[..., 0]), _bytes(chroma[..., 0]), _bytes(chroma[..., 1]))


def noisy(picture: Picture, rng: np.random.Generator, sigma: float) -> Picture:
    """The same picture through a noisy sensor: grain in the brightness, none in the colour."""
    grain = rng.normal(0, sigma, picture.y.shape)
    return Picture(_bytes(picture.y + grain), picture.u, picture.v)


def paint(onto: Picture, what: Picture, top: int, left: int) -> None:
    """Copy `what` onto a picture; `top` and `left` are even."""
    high, wide = what.y.shape
    onto.y[top : top + high, left : left + wide] = what.y
    top, left, high, wide = top // 2, left // 2, high // 2, wide // 2
    onto.u[top : top + high, left : left + wide] = what.u
    onto.v[top : top + high, left : left + wide] = what.v


def plain(high: int, wide: int, colour: Colour) -> Image.Image:
    return Image.new("RGB", (wide, high), colour)


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that ships with Pillow: the same pixels on every machine."""
    return ImageFont.load_default(size)


def write(image: Image.Image, text: str, size: int, colour: Colour) -> None:
    """Write in the middle of the image."""
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(image).text(middle, text, fill=colour, font=font(size), anchor="mm")


def _bytes(plane: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(plane), 16, 240).astype(np.uint8)


FPS = 25
# B-frames and scene cuts are written out because the fast presets switch them off.
X264 = {
    "preset": "ultrafast",
    "crf": "32",
    "forced-idr": "1",
    "x264-params": "bframes=2:b-adapt=0:scenecut=40:keyint=250:min-keyint=12:threads=1",
}


def encode(
    path: Path, frames: int, paint: Callable[[Picture, int], None], cuts: frozenset[int]
) -> None:
    """`paint` fills the picture of each frame number; a new group of pictures begins at a cut.

    One encoder thread and no date or random id in the container: two runs are byte-identical.
    """
    with (
        whole_file(path) as draft,
        av.open(str(draft), "w", format="matroska", options={"fflags": "+bitexact"}) as box,
    ):
        stream = box.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= Flags.bitexact
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        picture = planes(frame)
        for number in range(frames):
            paint(picture, number)
            frame.pts = number
            frame.pict_type = PictureType.I if number in cuts else PictureType.NONE
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


def planes(frame: av.VideoFrame) -> Picture:
    """The frame's own memory; x264 copies a picture before `encode` returns."""
    return Picture(*(_pixels(plane) for plane in frame.planes))


def _pixels(plane: VideoPlane) -> np.ndarray:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


RED: Colour = (226, 24, 28)
YELLOW: Colour = (240, 222, 20)
BLUE: Colour = (24, 48, 226)
MAGENTA: Colour = (222, 28, 214)
CYAN: Colour = (24, 214, 226)
BLACK: Colour = (12, 12, 14)
PALE: Colour = (236, 236, 236)

PLATE = 84  # rows: 37.5 % of the picture
TOP = HEIGHT - PLATE
NAME = (22, 190)  # rows and columns of the strip with the word


def plate(word: str, pair: tuple[Colour, Colour], rng: np.random.Generator) -> Picture:
    """The plate of a word; its brightness differs a little each time it is shown."""
    jitter = rng.uniform(0.85, 1.0)
    image = plain(PLATE, WIDTH, _dim(pair[0], jitter))
    image.paste(_dim(pair[1], jitter), (WIDTH // 2, 0, WIDTH, PLATE))
    image.paste(_name(word), ((WIDTH - NAME[1]) // 2, (PLATE - NAME[0]) // 2))
    return noisy(yuv(image), rng, 2.0)


def _name(word: str) -> Image.Image:
    strip = plain(*NAME, INK)
    write(strip, word.upper(), 14, WHITE)
    return strip


def _dim(colour: Colour, factor: float) -> Colour:
    red, green, blue = (round(channel * factor) for channel in colour)
    return red, green, blue


SKIN: Colour = (196, 148, 116)


@dataclass(frozen=True)
class Stamp:
    """Sprites of one silhouette, one per player, painted with one index per plane."""

    size: tuple[int, int]  # rows, columns
    rows: np.ndarray  # (pixels,) of the silhouette
    columns: np.ndarray
    y: np.ndarray  # (players, pixels)
    chroma_rows: np.ndarray
    chroma_columns: np.ndarray
    u: np.ndarray  # (players, chroma pixels)
    v: np.ndarray

    def put(self, onto: Picture, tops: np.ndarray, lefts: np.ndarray) -> None:
        """Paint every player whose whole sprite lies inside the picture."""
        high, wide = onto.y.shape
        seen = (tops >= 0) & (tops < high - self.size[0])
        seen &= (lefts >= 0) & (lefts < wide - self.size[1])
        tops, lefts = tops[seen, None], lefts[seen, None]
        onto.y[tops + self.rows, lefts + self.columns] = self.y[seen]
        where = tops // 2 + self.chroma_rows, lefts // 2 + self.chroma_columns
        onto.u[where], onto.v[where] = self.u[seen], self.v[seen]


def stamp(sprites: list[Image.Image]) -> Stamp:
    """Make a stamp of RGBA sprites of one silhouette and one even size."""
    opaque = np.asarray(sprites[0])[..., 3] > 0
    coarse = opaque[::2, ::2]
    planes = [yuv(sprite) for sprite in sprites]
    rows, columns = np.nonzero(opaque)
    chroma_rows, chroma_columns = np.nonzero(coarse)
    return Stamp(
        size=(opaque.shape[0], opaque.shape[1]),
        rows=rows,
        columns=columns,
        y=np.stack([p.y[opaque] for p in planes]),
        chroma_rows=chroma_rows,
        chroma_columns=chroma_columns,
        u=np.stack([p.u[coarse] for p in planes]),
        v=np.stack([p.v[coarse] for p in planes]),
    )


def player(high: int, kit: Colour, shorts: Colour) -> Image.Image:
    """A standing figure, half as wide as high."""
    wide = high // 2 // 2 * 2
    image = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rectangle((wide // 3, 0, wide - 1 - wide // 3, high // 4), fill=SKIN)
    draw.rectangle((0, high // 5, wide - 1, high * 3 // 5), fill=kit)
    draw.rectangle((wide // 6, high * 3 // 5, wide - 1 - wide // 6, high * 4 // 5), fill=shorts)
    draw.rectangle((wide // 6, high * 4 // 5, wide - 1 - wide // 6, high - 1), fill=SKIN)
    return image


def teams(high: int, each: int, kits: tuple[Colour, Colour]) -> Stamp:
    """`each` players of the first kit, then as many of the second."""
    dark: Colour = (30, 30, 40)
    first, second = player(high, kits[0], WHITE), player(high, kits[1], dark)
    return stamp([first] * each + [second] * each)


def ball(size: int, colour: Colour) -> Stamp:
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((0, 0, size - 1, size - 1), fill=colour)
    return stamp([image])


def path(knots: list[tuple[float, float, float]], times: np.ndarray) -> np.ndarray:
    """Positions (times, 2) on straight lines through knots (time, x, y) in order of time."""
    when, x, y = np.array(sorted(knots)).T
    return np.stack([np.interp(times, when, x), np.interp(times, when, y)], axis=1)


def follow(
    rng: np.random.Generator, homes: np.ndarray, target: np.ndarray, times: np.ndarray, pull: float
) -> np.ndarray:
    """Positions (times, players, 2): each roams about its home and leans towards the ball."""
    steps = np.arange(0, times[-1] + 3, 2.5)
    roam = rng.uniform(-0.06, 0.06, (len(homes), 2, len(steps)))
    wobble = np.stack([[np.interp(times, steps, axis) for axis in one] for one in roam]).transpose(
        2, 0, 1
    )
    return np.clip(homes * (1 - pull) + target[:, None, :] * pull + wobble, 0, 1)
