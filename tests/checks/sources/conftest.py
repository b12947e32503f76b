"""A source as its reader hands it over, made of records: no video is needed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from touchline.checks.sources.case import CheckFinding, HealthLimits, SourceCase
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video

LIMITS = HealthLimits(repeats=0.2, languages=["en"], clock=0, drift=3.0)
GAME = "cup/2030/2030-08-03 - 18-00 Kelso 2 - 1 Oakham"
ENGLISH = ("He plays it out to the left.", "They are under way again.", "What a save that was!")


def film(part: str = "1", game: str = GAME, **more: Any) -> Video:
    match = f"test/{game}"
    facts: dict[str, Any] = {
        "id": f"{match}/{part}", "source": "test", "sport": "soccer", "match": match, "part": part,
        "path": "", "sha256": "", "bytes": 0, "licence": "none", "terms": "open", "codec": "",
        "width": 0, "height": 0, "fps": 0.0, "frames": 0, "duration": 2700.0, "start": 0.0,
        "longest_gap": 0.0, "edit_list": False, "keyframes": [],
    }  # fmt: skip
    return Video(**(facts | more))


def label(number: int, time: float, name: str = "Foul", **more: Any) -> Label:
    given: dict[str, Any] = {"video": film().id, "end": time, "team": "home", "task": ""}
    given |= {"asked": "", "options": [], "answer": ""} | more
    return Label(id=f"test/{GAME}/labels/{number}", name=name, start=time, **given)


def lines(texts: Sequence[str], part: str = "1") -> list[Speech]:
    video = film(part).id
    return [
        Speech(f"{video}/speech/{n}", video, 4.0 * n, 4.0 * n + 3, text, "1_asr.json")
        for n, text in enumerate(texts)
    ]


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., SourceCase]:
    def make(**given: Any) -> SourceCase:
        whole: dict[str, Any] = {"videos": [film("1"), film("2")], "labels": [], "speech": []}
        whole |= {"faults": [], "clocks": [], "limits": LIMITS}
        return SourceCase(source="test", folder=tmp_path, **(whole | given))

    return make


def rows(findings: Sequence[CheckFinding]) -> list[str]:
    """The last part of the ids of the rows that go."""
    return [row.rsplit("/", 1)[-1] for finding in findings for row in finding.rows]
