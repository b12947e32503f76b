"""A small SoccerNet: games with labels, captions and transcripts, made by the tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Reds 1 - 1 Blues"


class League:
    """Writes SoccerNet's files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def labels(self, game: str, *times: tuple[int, float, str]) -> None:
        rows = [
            {"gameTime": f"{half} - 00:00", "label": name, "position": str(round(time * 1000)),
             "team": "home"}
            for half, time, name in times
        ]  # fmt: skip
        self.file(f"games/{game}/Labels-v2.json", {"annotations": rows})

    def captions(self, game: str, *rows: tuple[int, float, str]) -> None:
        found = [
            {"gameTime": f"{half} - 00:00", "label": "comments", "position": str(round(t * 1000)),
             "description": text}
            for half, t, text in rows
        ]  # fmt: skip
        self.file(f"games/{game}/Labels-caption.json", {"annotations": found})

    def said(self, variant: str, game: str, half: int, *lines: tuple[float, float, str]) -> None:
        segments = {str(i): list(line) for i, line in enumerate(lines)}
        self.file(f"echoes/{variant}/{game}/{half}_asr.json", {"segments": segments})

    def file(self, name: str, content: Any) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path


@pytest.fixture
def league(tmp_path: Path) -> League:
    made = League(tmp_path / "raw")
    made.labels(GAME, (1, 133, "Foul"), (1, 200, "Corner"), (2, 2710.5, "Goal"))
    made.said("whisper_v2_en", GAME, 1, (0, 3, "Here we go."), (118, 121.5, "Over the line."))
    made.said("whisper_v2_en", GAME, 2)
    made.said("whisper_v1_en", GAME, 1, (0, 3, "Other words."))
    made.said("whisper_v1_en", GAME, 2, (2700, 2880.2, "It is over."))
    return made


@pytest.fixture
def settings(league: League) -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        given = {
            "folder": str(league.root / "games"),
            "splits": "",
            "names": {"train": "train", "valid": "val"},
            "half_minutes": [45, 60],
            "echoes": str(league.root / "echoes"),
            "transcripts": ["whisper_v2_en", "whisper_v1_en"],
            "spoken_halves": 0,
            "fetch": [],
            "connections": 2,
        }
        return given | changes

    return make
