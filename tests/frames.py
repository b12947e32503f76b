"""A frame store file made of nothing, without the weight of the stages that train."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from touchline.video.frame_store import FRAME_STORE_SCHEMA, STEP_METADATA_KEY, THUMBNAIL_CELLS


def stored(path: Path, seconds: int = 160, shade: int = 99) -> None:
    """A frame store file: one frame a second."""
    rows = []
    for second in range(seconds):
        file = io.BytesIO()
        Image.new("RGB", (64, 32), (second, 255 - second, shade)).save(file, "JPEG")
        rows.append({"time": float(second), "width": 64, "height": 32, "jpeg": file.getvalue()})
        rows[-1]["look"] = bytes(THUMBNAIL_CELLS**2)
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = FRAME_STORE_SCHEMA.with_metadata({STEP_METADATA_KEY: b"1.0"})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
