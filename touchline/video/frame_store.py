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

THUMBNAIL_CELLS = 8  # rows and columns of a look
FRAME_STORE_SCHEMA = pa.schema(
    [
        pa.field("time", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("jpeg", pa.binary(), nullable=False),
        pa.field("look", pa.binary(THUMBNAIL_CELLS**2), nullable=False),  # what a copy is known by
    ]
)
IMAGE_COLUMNS = ["width", "height", "jpeg"]
STEP_METADATA_KEY = b"step"  # metadata: seconds between two stored frames, as asked for
TERMS_METADATA_KEY = b"terms"  # metadata: under which terms the pixels are here
MAX_CACHE_BYTES = 256 * 2**20  # bytes of decoded frames kept in memory
LAST_FRAME_TOLERANCE = 0.05  # seconds by which the last stored frame may come late

FrameKey = tuple[str, int, tuple[int, int] | None]  # video, number of the frame, size


def get_frame_store_path(folder: Path, video: str) -> Path:
    """The store file of a video id below `folder`; a `/` in the id makes a subfolder. Raises
    `InputError` for an unsafe id.
    """
    parts = video.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise InputError(video, "this video id is not a safe file name", "correct it in the source")
    *folders, name = [quote(part, safe=" ") for part in parts]
    return folder.joinpath(*folders, f"{name}.parquet")


@dataclass(frozen=True)
class _VideoIndex:
    times: np.ndarray
    group_starts: np.ndarray  # number of the first frame of each row group
    step: float  # the longest time between two stored frames


class FrameStore:
    """Read stored frames. Decoded frames are cached in memory up to `MAX_CACHE_BYTES` (least
    recently used go first). No file stays open between calls.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: dict[str, _VideoIndex] = {}
        self.cache: OrderedDict[FrameKey, Image.Image] = OrderedDict()
        self.cached_bytes = 0

    def times(self, video: str) -> np.ndarray:
        """Times of all stored frames of a video, ascending seconds from its first frame."""
        return self._load_index(video).times

    def read_thumbnails(self, video: str) -> np.ndarray:
        """The thumbnails of all stored frames, uint8 array of shape (frames, 64), in the order of
        `times`.
        """
        self._load_index(video)
        with pq.ParquetFile(get_frame_store_path(self.folder, video), pre_buffer=False) as file:
            column = file.read(columns=["look"], use_threads=False)["look"].combine_chunks()
        return np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, THUMBNAIL_CELLS**2)

    def digest_frames(self, video: str, start: float, end: float) -> str:
        """sha256 of the stored JPEGs and their times in [start, end), relative to `start`.

        Nothing is decoded; one changed byte of one frame gives another digest.
        """
        index, hasher = self._load_index(video), hashlib.sha256()
        inside = np.searchsorted(index.times, [start - 1e-6, end - 1e-6]).tolist()
        for number, jpeg in self._iterate_jpegs(video, range(*inside)):
            hasher.update(f"{index.times[number] - start:.6f} {jpeg.size}\n".encode())
            hasher.update(jpeg)
        return hasher.hexdigest()

    def _iterate_jpegs(self, video: str, numbers: range) -> Iterator[tuple[int, pa.Buffer]]:
        """Yield (frame number, JPEG bytes) of stored frames."""
        first = self._load_index(video).group_starts
        groups = np.unique(np.searchsorted(first, numbers, side="right") - 1).tolist()
        path = get_frame_store_path(self.folder, video)
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            for group in groups:
                column = file.read_row_group(group, columns=["jpeg"], use_threads=False)["jpeg"]
                for at, jpeg in enumerate(column, int(first[group])):
                    if at in numbers:
                        yield at, jpeg.as_buffer()

    def images(
        self, video: str, times: Sequence[float], size: tuple[int, int] | None = None
    ) -> list[Image.Image]:
        """The stored frame nearest to each time, in RGB, at `size` (width, height) or as stored.

        Raises `InputError` if the video is not in the store, or a time is more than half a step
        from any frame (a whole step after the last one).
        """
        keys = [(video, self._find_nearest_frame(video, time), size) for time in times]
        image_by_key = {key: self._get_cached_image(key) for key in keys if key in self.cache}
        missing = sorted({at for _, at, _ in keys if (video, at, size) not in image_by_key})
        for at, image in zip(missing, self._read(video, missing, size), strict=True):
            image_by_key[video, at, size] = image
            self._cache_image((video, at, size), image)
        return [image_by_key[key].copy() for key in keys]

    def _find_nearest_frame(self, video: str, time: float) -> int:
        index = self._load_index(video)
        times = index.times
        after = min(int(np.searchsorted(times, time)), len(times) - 1)
        before = max(after - 1, 0)
        at = before if time - times[before] <= times[after] - time else after
        tail = at == len(times) - 1 and time > times[at]
        if abs(time - times[at]) > (index.step if tail else index.step / 2) + LAST_FRAME_TOLERANCE:
            wrong = f"frames are stored from 0 to {times[-1] + index.step:g} s only"
            raise InputError(f"{video} at {time:g} s", wrong, "ask within the video")
        return at

    def _load_index(self, video: str) -> _VideoIndex:
        if video not in self.index:
            path = get_frame_store_path(self.folder, video)
            if not path.is_file():
                raise InputError(video, f"is not in the frame store {self.folder}", "rerun chunk")
            with pq.ParquetFile(path, pre_buffer=False) as file:
                times = file.read(columns=["time"], use_threads=False)["time"].to_numpy()
                groups = range(file.num_row_groups)
                sizes = [file.metadata.row_group(group).num_rows for group in groups]
                step = float((file.schema_arrow.metadata or {})[STEP_METADATA_KEY])
            step = max(step, float(np.diff(times).max(initial=0.0)))
            self.index[video] = _VideoIndex(times, np.cumsum([0, *sizes]), step)
        return self.index[video]

    def _read(
        self, video: str, numbers: Sequence[int], size: tuple[int, int] | None
    ) -> list[Image.Image]:
        if not numbers:
            return []
        first = self._load_index(video).group_starts
        groups = (np.searchsorted(first, numbers, side="right") - 1).tolist()
        path = get_frame_store_path(self.folder, video)
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            read = partial(file.read_row_group, columns=IMAGE_COLUMNS, use_threads=False)
            tables = {group: read(group).columns for group in set(groups)}
            return [
                _decode_jpeg(jpeg[at].as_buffer(), width[at].as_py(), height[at].as_py(), size)
                for number, group in zip(numbers, groups, strict=True)
                for width, height, jpeg in [tables[group]]
                for at in [int(number - first[group])]
            ]

    def _cache_image(self, key: FrameKey, image: Image.Image) -> None:
        self.cache[key] = image
        self.cached_bytes += 3 * image.width * image.height
        while self.cached_bytes > MAX_CACHE_BYTES and len(self.cache) > 1:
            _, gone = self.cache.popitem(last=False)
            self.cached_bytes -= 3 * gone.width * gone.height

    def _get_cached_image(self, key: FrameKey) -> Image.Image:
        self.cache.move_to_end(key)
        return self.cache[key]


def _decode_jpeg(
    jpeg: pa.Buffer, width: int, height: int, size: tuple[int, int] | None
) -> Image.Image:
    """Decode with PIL's JPEG decoder directly: `Image.open` costs another 40 %.

    For a small `size` libjpeg decodes at 1/2, 1/4 or 1/8, which is faster.
    """
    target_size = size or (width, height)
    fits = (s for s in (8, 4, 2) if width // s >= target_size[0] and height // s >= target_size[1])
    scale = next(fits, 1)
    shape = -(-width // scale), -(-height // scale)
    image = Image.frombytes("RGB", shape, jpeg, "jpeg", "RGB", "", scale, 0)
    return image if shape == target_size else image.resize(target_size, Image.Resampling.BICUBIC)


def digest_image(image: Image.Image) -> str:
    """sha256 of an image's RGB bytes, to check that two runs saw the same picture."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
