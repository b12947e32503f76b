"""Videos as the readers of labels and commentary need them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources.source import ReadResult, SourceVideo


@pytest.fixture
def video() -> Callable[..., Video]:
    def make(part: str = "1", duration: float = 60.0, match: str = "test/match") -> Video:
        facts: dict[str, Any] = {
            "id": f"{match}/{part}",
            "source": match.split("/")[0],
            "sport": "soccer",
            "match": match,
            "part": part,
            "path": f"{match}/{part}_224p.mkv",
            "sha256": part,
            "bytes": 1,
            "licence": "none",
            "terms": "open",
            "codec": "h264",
            "width": 398,
            "height": 224,
            "fps": 25.0,
            "frames": 1500,
            "duration": duration,
            "start": 0.0,
            "longest_gap": 0.04,
            "edit_list": False,
            "keyframes": [0.0],
        }
        return Video(**facts)

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, Any], Path]:
    def write(name: str, content: Any) -> Path:
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path / name

    return write


@pytest.fixture
def looked(video: Callable[..., Video]) -> Callable[..., list[Video]]:
    """The videos that a source lists, as they are known without their files, or as `facts` say."""

    def look(found: ReadResult[SourceVideo], **facts: Any) -> list[Video]:
        blank = vars(video()) | {"path": "", "sha256": "", "bytes": 0, "frames": 0, "fps": 0.0}
        return [
            Video(
                **blank
                | {"id": one.id, "sport": one.sport, "match": one.match, "part": one.part}
                | {"duration": one.duration}
                | facts
            )
            for one in found.rows
        ]

    return look
