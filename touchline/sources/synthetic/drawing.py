"""Draw synthetic pictures straight into YUV 4:2:0 planes (canvas, players, the plate that shows an
event) and encode them to H.264 in Matroska, the same bytes every time.
"""

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

from touchline.atomic import atomic_file

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
class YuvPicture:
    """Three uint8 planes; `u` and `v` have half the rows and columns of `y`."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray


def rgb_to_yuv(image: Image.Image | np.ndarray) -> YuvPicture:
    """Convert an RGB image of even height and width to YUV 4:2:0; chroma is the mean
    of 2x2 pixels.
    """
    planes = np.asarray(image, dtype=np.float64)[..., :3] / 255 @ BT601 + OFFSET
    high, wide = planes.shape[0] // 2, planes.shape[1] // 2
    chroma = planes[..., 1:].reshape(high, 2, wide, 2, 2).mean(axis=(1, 3))
    return YuvPicture(
        _to_uint8(planes[..., 0]), _to_uint8(chroma[..., 0]), _to_uint8(chroma[..., 1])
    )


def add_sensor_noise(picture: YuvPicture, rng: np.random.Generator, sigma: float) -> YuvPicture:
    """Return a copy with Gaussian sensor noise in the brightness only; `sigma` is in
    8-bit levels.
    """
    grain = rng.normal(0, sigma, picture.y.shape)
    return YuvPicture(_to_uint8(picture.y + grain), picture.u, picture.v)


def paste_picture(onto: YuvPicture, patch: YuvPicture, top: int, left: int) -> None:
    """Copy `patch` into the picture `onto`, in place; `top` and `left` must be even."""
    high, wide = patch.y.shape
    onto.y[top : top + high, left : left + wide] = patch.y
    top, left, high, wide = top // 2, left // 2, high // 2, wide // 2
    onto.u[top : top + high, left : left + wide] = patch.u
    onto.v[top : top + high, left : left + wide] = patch.v


def create_plain_image(high: int, wide: int, colour: Colour) -> Image.Image:
    """Create an RGB image of one colour."""
    return Image.new("RGB", (wide, high), colour)


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the font that ships with Pillow, so that text has the same pixels on every machine."""
    return ImageFont.load_default(size)


def draw_centered_text(image: Image.Image, text: str, size: int, colour: Colour) -> None:
    """Draw text in the centre of the image."""
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(image).text(middle, text, fill=colour, font=load_font(size), anchor="mm")


def _to_uint8(plane: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(plane), 16, 240).astype(np.uint8)


FPS = 25
# B-frames and scene cuts are written out because the fast presets switch them off.
X264 = {
    "preset": "ultrafast",
    "crf": "32",
    "forced-idr": "1",
    "x264-params": "bframes=2:b-adapt=0:scenecut=40:keyint=250:min-keyint=12:threads=1",
}


def encode_video(
    path: Path, frames: int, paint: Callable[[YuvPicture, int], None], cuts: frozenset[int]
) -> None:
    """Encode `frames` pictures; `paint(picture, number)` draws each one, and every frame number in
    `cuts` starts a new group of pictures.

    One encoder thread and no date or random id in the container make two runs byte-identical.
    """
    with (
        atomic_file(path) as draft,
        av.open(str(draft), "w", format="matroska", options={"fflags": "+bitexact"}) as box,
    ):
        stream = box.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= Flags.bitexact
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        picture = view_frame_planes(frame)
        for number in range(frames):
            paint(picture, number)
            frame.pts = number
            frame.pict_type = PictureType.I if number in cuts else PictureType.NONE
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


def view_frame_planes(frame: av.VideoFrame) -> YuvPicture:
    """View the frame's own memory as a picture; x264 copies it before `encode` returns."""
    return YuvPicture(*(_plane_pixels(plane) for plane in frame.planes))


def _plane_pixels(plane: VideoPlane) -> np.ndarray:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


RED: Colour = (226, 24, 28)
YELLOW: Colour = (240, 222, 20)
BLUE: Colour = (24, 48, 226)
MAGENTA: Colour = (222, 28, 214)
CYAN: Colour = (24, 214, 226)
BLACK: Colour = (12, 12, 14)
PALE: Colour = (236, 236, 236)

PLATE_ROWS = 84  # rows: 37.5 % of the picture
PLATE_TOP = HEIGHT - PLATE_ROWS
NAME_STRIP = (22, 190)  # rows and columns of the strip with the word


def draw_plate(word: str, pair: tuple[Colour, Colour], rng: np.random.Generator) -> YuvPicture:
    """Draw the plate of a word in a pair of colours; its brightness varies a little at random."""
    jitter = rng.uniform(0.85, 1.0)
    image = create_plain_image(PLATE_ROWS, WIDTH, _dim_colour(pair[0], jitter))
    image.paste(_dim_colour(pair[1], jitter), (WIDTH // 2, 0, WIDTH, PLATE_ROWS))
    image.paste(_draw_name(word), ((WIDTH - NAME_STRIP[1]) // 2, (PLATE_ROWS - NAME_STRIP[0]) // 2))
    return add_sensor_noise(rgb_to_yuv(image), rng, 2.0)


def _draw_name(word: str) -> Image.Image:
    strip = create_plain_image(*NAME_STRIP, INK)
    draw_centered_text(strip, word.upper(), 14, WHITE)
    return strip


def _dim_colour(colour: Colour, factor: float) -> Colour:
    red, green, blue = (round(channel * factor) for channel in colour)
    return red, green, blue


SKIN: Colour = (196, 148, 116)


@dataclass(frozen=True)
class SpriteStamp:
    """Sprites of one silhouette, one per player, drawn with one array index per plane."""

    size: tuple[int, int]  # rows, columns
    rows: np.ndarray  # (pixels,) of the silhouette
    columns: np.ndarray
    y: np.ndarray  # (players, pixels)
    chroma_rows: np.ndarray
    chroma_columns: np.ndarray
    u: np.ndarray  # (players, chroma pixels)
    v: np.ndarray

    def put(self, onto: YuvPicture, tops: np.ndarray, lefts: np.ndarray) -> None:
        """Draw every player whose whole sprite lies inside the picture; `tops` and `lefts` are
        pixels, (players,).
        """
        high, wide = onto.y.shape
        visible = (tops >= 0) & (tops < high - self.size[0])
        visible &= (lefts >= 0) & (lefts < wide - self.size[1])
        tops, lefts = tops[visible, None], lefts[visible, None]
        onto.y[tops + self.rows, lefts + self.columns] = self.y[visible]
        where = tops // 2 + self.chroma_rows, lefts // 2 + self.chroma_columns
        onto.u[where], onto.v[where] = self.u[visible], self.v[visible]


def build_stamp(sprites: list[Image.Image]) -> SpriteStamp:
    """Build a stamp from RGBA sprites of one silhouette and one even size."""
    opaque = np.asarray(sprites[0])[..., 3] > 0
    coarse = opaque[::2, ::2]
    planes = [rgb_to_yuv(sprite) for sprite in sprites]
    rows, columns = np.nonzero(opaque)
    chroma_rows, chroma_columns = np.nonzero(coarse)
    return SpriteStamp(
        size=(opaque.shape[0], opaque.shape[1]),
        rows=rows,
        columns=columns,
        y=np.stack([p.y[opaque] for p in planes]),
        chroma_rows=chroma_rows,
        chroma_columns=chroma_columns,
        u=np.stack([p.u[coarse] for p in planes]),
        v=np.stack([p.v[coarse] for p in planes]),
    )


def draw_player(high: int, kit: Colour, shorts: Colour) -> Image.Image:
    """Draw a standing player, `high` rows and half as many columns."""
    wide = high // 2 // 2 * 2
    image = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rectangle((wide // 3, 0, wide - 1 - wide // 3, high // 4), fill=SKIN)
    draw.rectangle((0, high // 5, wide - 1, high * 3 // 5), fill=kit)
    draw.rectangle((wide // 6, high * 3 // 5, wide - 1 - wide // 6, high * 4 // 5), fill=shorts)
    draw.rectangle((wide // 6, high * 4 // 5, wide - 1 - wide // 6, high - 1), fill=SKIN)
    return image


def build_teams_stamp(high: int, per_team: int, kits: tuple[Colour, Colour]) -> SpriteStamp:
    """Build a stamp of `per_team` players in the first kit, then as many in the second."""
    dark: Colour = (30, 30, 40)
    first, second = draw_player(high, kits[0], WHITE), draw_player(high, kits[1], dark)
    return build_stamp([first] * per_team + [second] * per_team)


def build_ball_stamp(size: int, colour: Colour) -> SpriteStamp:
    """Build a stamp of the ball, `size` pixels wide."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((0, 0, size - 1, size - 1), fill=colour)
    return build_stamp([image])


def interpolate_path(knots: list[tuple[float, float, float]], times: np.ndarray) -> np.ndarray:
    """Return positions (times, 2) on straight lines between the knots (time, x, y)."""
    when, x, y = np.array(sorted(knots)).T
    return np.stack([np.interp(times, when, x), np.interp(times, when, y)], axis=1)


def simulate_player_positions(
    rng: np.random.Generator, homes: np.ndarray, target: np.ndarray, times: np.ndarray, pull: float
) -> np.ndarray:
    """Return positions (times, players, 2): each player roams around its home position and is drawn
    towards `target` by the share `pull`.
    """
    steps = np.arange(0, times[-1] + 3, 2.5)
    roam = rng.uniform(-0.06, 0.06, (len(homes), 2, len(steps)))
    wobble = np.stack(
        [[np.interp(times, steps, axis) for axis in player_roam] for player_roam in roam]
    ).transpose(2, 0, 1)
    return np.clip(homes * (1 - pull) + target[:, None, :] * pull + wobble, 0, 1)
