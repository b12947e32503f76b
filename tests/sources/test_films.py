"""Real H.264 files of a folder source through the download stage: labels fall on their frames."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from tests.downloads import downloaded, params
from touchline.records.label import Label
from touchline.records.table import read_records
from touchline.records.video import Video

FPS, FRAMES = 25, 50
RALLY = "open 'é'_100_150"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two sources with one video each, in a folder with their labels; one label is faulty."""
    raw = tmp_path / "raw"
    _film(raw / "tennis" / f"{RALLY}.mp4", 64)
    _film(raw / "gym" / "video" / "stu1_2.mkv", 96)
    events = [{"frame": 10, "label": "far_court_serve"}, {"frame": 90, "label": "far_court_serve"}]
    made = {"video": RALLY, "num_frames": FRAMES, "fps": FPS, "num_events": 2, "events": events}
    (raw / "tennis" / "val.json").write_text(json.dumps([made]))
    (raw / "gym" / "test.csv").write_text("type,name,count,L1,L2\nsquat,stu1_2.mp4,1,5,30.0\n")
    sources = {
        "e2e-tennis": {"folder": str(raw / "tennis")},
        "repcount": {"folder": str(raw / "gym"), "fps": 30},
    }
    totals = downloaded(tmp_path, params("drop", sources))
    assert (totals["rows"], totals["kept"], totals["dropped"]) == (6, 5, 1)
    return tmp_path / "manifest"


def _film(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((size, size, 3), 4 * number, np.uint8)
            box.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        box.mux(stream.encode())


def test_labels_fall_on_the_frames_that_they_count(manifest: Path) -> None:
    rally, squat = read_records(manifest / "videos.parquet", Video)
    assert (rally.frames, rally.path) == (FRAMES, f"e2e-tennis/{RALLY}.mp4")
    assert squat.path == "repcount/video/stu1_2.mkv"
    labels = {
        label.name or label.task: label
        for label in read_records(manifest / "labels.parquet", Label)
    }
    assert labels["far_court_serve"].start == pytest.approx(0.4, abs=0.01)
    assert (labels["squat"].start, labels["squat"].end) == pytest.approx((0.2, 1.2), abs=0.01)
    assert labels["counting"].answer == "1"
