"""The frame store: one Parquet file of JPEGs per video, addressed by presentation time."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from touchline.errors import InputError

CELLS = 8  # rows and columns of a look
SCHEMA = pa.schema(
    [
        pa.field("time", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("jpeg", pa.binary(), nullable=False),
        pa.field("look", pa.binary(CELLS**2), nullable=False),  # what a copy is known by
    ]
)
COLUMNS = ["width", "height", "jpeg"]
STEP = b"step"  # metadata: seconds between two stored frames, as asked for
TERMS = b"terms"  # metadata: under which terms the pixels are here
CACHE = 256 * 2**20  # bytes of decoded frames kept in memory
JITTER = 0.05  # seconds by which the last stored frame may come late

Key = tuple[str, int, tuple[int, int] | None]  # video, number of the frame, size


def store_path(folder: Path, video: str) -> Path:
    """The store file of a video id; a `/` makes a folder, nothing leaves `folder`."""
    parts = video.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise InputError(video, "this video id is no safe file name", "mend it in the source")
    *folders, name = [quote(part, safe=" ") for part in parts]
    return folder.joinpath(*folders, f"{name}.parquet")


@dataclass(frozen=True)
class _Index:
    times: np.ndarray
    first: np.ndarray  # number of the first frame of each row group
    step: float  # the longest time between two stored frames


class FrameStore:
    """Reads stored frames; decoded ones stay in memory up to `CACHE` bytes, oldest go first.

    No file stays open between calls.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: dict[str, _Index] = {}
        self.cache: OrderedDict[Key, Image.Image] = OrderedDict()
        self.held = 0

    def times(self, video: str) -> np.ndarray:
        """Times of all stored frames of a video, ascending seconds from its first frame."""
        return self._index(video).times

    def looks(self, video: str) -> np.ndarray:
        """The looks of all stored frames, (frames, 64) bytes, in the order of `times`."""
        self._index(video)
        with pq.ParquetFile(store_path(self.folder, video), pre_buffer=False) as file:
            column = file.read(columns=["look"], use_threads=False)["look"].combine_chunks()
        return np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, CELLS**2)

    def digest(self, video: str, start: float, end: float) -> str:
        """sha256 of the frames from `start` to before `end`: stored bytes and times less `start`.

        Nothing is decoded; one changed byte of one frame gives another digest.
        """
        index, found = self._index(video), hashlib.sha256()
        inside = np.searchsorted(index.times, [start - 1e-6, end - 1e-6]).tolist()
        for at, jpeg in self._stored(video, range(*inside)):
            found.update(f"{index.times[at] - start:.6f} {jpeg.size}\n".encode())
            found.update(jpeg)
        return found.hexdigest()

    def _stored(self, video: str, numbers: range) -> Iterator[tuple[int, pa.Buffer]]:
        """(number, JPEG) of frames, as stored."""
        first = self._index(video).first
        groups = np.unique(np.searchsorted(first, numbers, side="right") - 1).tolist()
        path = store_path(self.folder, video)
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            for group in groups:
                column = file.read_row_group(group, columns=["jpeg"], use_threads=False)["jpeg"]
                for at, jpeg in enumerate(column, int(first[group])):
                    if at in numbers:
                        yield at, jpeg.as_buffer()

    def images(
        self, video: str, times: Sequence[float], size: tuple[int, int] | None = None
    ) -> list[Image.Image]:
        """The stored frame nearest to each time, RGB, at `size` (width, height) or as stored.

        Raises `InputError` when the video is not in the store, or a time is farther from any frame
        than half a step of the store; the last frame stands for one whole step.
        """
        keys = [(video, self._nearest(video, time), size) for time in times]
        known = {key: self._recall(key) for key in keys if key in self.cache}
        missing = sorted({at for _, at, _ in keys if (video, at, size) not in known})
        for at, image in zip(missing, self._read(video, missing, size), strict=True):
            known[video, at, size] = image
            self._keep((video, at, size), image)
        return [known[key].copy() for key in keys]

    def _nearest(self, video: str, time: float) -> int:
        index = self._index(video)
        times = index.times
        after = min(int(np.searchsorted(times, time)), len(times) - 1)
        before = max(after - 1, 0)
        at = before if time - times[before] <= times[after] - time else after
        tail = at == len(times) - 1 and time > times[at]
        if abs(time - times[at]) > (index.step if tail else index.step / 2) + JITTER:
            wrong = f"frames are stored from 0 to {times[-1] + index.step:g} s only"
            raise InputError(f"{video} at {time:g} s", wrong, "ask within the video")
        return at

    def _index(self, video: str) -> _Index:
        if video not in self.index:
            path = store_path(self.folder, video)
            if not path.is_file():
                raise InputError(video, f"is not in the frame store {self.folder}", "rerun chunk")
            with pq.ParquetFile(path, pre_buffer=False) as file:
                times = file.read(columns=["time"], use_threads=False)["time"].to_numpy()
                groups = range(file.num_row_groups)
                sizes = [file.metadata.row_group(group).num_rows for group in groups]
                step = float((file.schema_arrow.metadata or {})[STEP])
            step = max(step, float(np.diff(times).max(initial=0.0)))
            self.index[video] = _Index(times, np.cumsum([0, *sizes]), step)
        return self.index[video]

    def _read(
        self, video: str, numbers: Sequence[int], size: tuple[int, int] | None
    ) -> list[Image.Image]:
        if not numbers:
            return []
        first = self._index(video).first
        groups = (np.searchsorted(first, numbers, side="right") - 1).tolist()
        path = store_path(self.folder, video)
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            read = partial(file.read_row_group, columns=COLUMNS, use_threads=False)
            tables = {group: read(group).columns for group in set(groups)}
            return [
                _decoded(jpeg[at].as_buffer(), width[at].as_py(), height[at].as_py(), size)
                for number, group in zip(numbers, groups, strict=True)
                for width, height, jpeg in [tables[group]]
                for at in [int(number - first[group])]
            ]

    def _keep(self, key: Key, image: Image.Image) -> None:
        self.cache[key] = image
        self.held += 3 * image.width * image.height
        while self.held > CACHE and len(self.cache) > 1:
            _, gone = self.cache.popitem(last=False)
            self.held -= 3 * gone.width * gone.height

    def _recall(self, key: Key) -> Image.Image:
        self.cache.move_to_end(key)
        return self.cache[key]


def _decoded(jpeg: pa.Buffer, width: int, height: int, size: tuple[int, int] | None) -> Image.Image:
    """Straight to PIL's JPEG decoder: `Image.open` costs another 40 %.

    For a small `size` libjpeg decodes at 1/2, 1/4 or 1/8 and skips what would not be seen.
    """
    wanted = size or (width, height)
    fits = (s for s in (8, 4, 2) if width // s >= wanted[0] and height // s >= wanted[1])
    scale = next(fits, 1)
    shape = -(-width // scale), -(-height // scale)
    image = Image.frombytes("RGB", shape, jpeg, "jpeg", "RGB", "", scale, 0)
    return image if shape == wanted else image.resize(wanted, Image.Resampling.BICUBIC)


def digest(image: Image.Image) -> str:
    """sha256 of an image's RGB bytes: two runs saw the same picture, or not."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
