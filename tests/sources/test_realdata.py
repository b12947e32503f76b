"""Every row of the real files ends as a row or as a fault, and its questions are sound."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.world import RULES
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.table import group_by_field
from touchline.records.video import Video
from touchline.sources import SOURCES
from touchline.tasks import TASKS
from touchline.tasks.scene import build_clip_scene
from touchline.tasks.task import QuestionDraft
from touchline.video.windows import plan_clip_windows

# Source: folder, more settings, videos, action labels, brought questions, faults; counted with
# other tools (json, csv) on the files themselves.
REAL = {
    "e2e-tennis": ("e2e-spot/tennis", {}, 455, 3642, {}, 0),
    "finediving": ("e2e-spot/finediving", {"fps": 25}, 450, 1063, {"score": 450}, 0),
    "e2e-figure-skating": ("e2e-spot/fs_comp", {}, 59, 584, {}, 0),
    "repcount": ("repcount", {"fps": 30}, 378, 3694, {"counting": 374}, 16),
    "shuttleset": ("shuttleset", {}, 2, 1410, {"counting": 149, "choice": 297}, 1),
    "finebadminton": ("finebadminton", {}, 12, 0, {"choice": 12}, 0),
}
pytestmark = pytest.mark.realdata
Looked = Callable[..., list[Video]]


@pytest.mark.parametrize("name", REAL)
def test_all_rows_are_read(name: str, realdata: Path, tmp_path: Path, looked: Looked) -> None:
    folder, more, videos, actions, brought, faults = REAL[name]
    source = SOURCES[name]
    settings = source.settings.model_validate({"folder": str(realdata / folder), **more})
    with ThreadPoolExecutor(1) as executor:
        source.download(settings, tmp_path, executor)
    found = source.videos(settings, tmp_path)
    labels = source.labels(settings, tmp_path, _whole(looked(found)))
    assert (len(found.rows), len(found.faults)) == (videos, 0)
    counted = Counter(label.task for label in labels.rows)
    assert counted == Counter({"": actions, **brought})
    assert len(labels.faults) == faults
    rows = [*(one.id for one in (*found.rows, *labels.rows)), *(one.row for one in labels.faults)]
    assert len(set(rows)) == len(rows)
    _sound(name, _whole(looked(found)), labels.rows)


def _whole(videos: list[Video]) -> list[Video]:
    """A clip that is here states no length before it is looked into."""
    return [Video(**vars(one) | {"duration": one.duration or 7.0}) for one in videos]


def _sound(name: str, videos: list[Video], labels: list[Label]) -> None:
    asked = list(_asked(videos, labels))
    assert {task for task, _, _ in asked} == set(SOURCES[name].tasks)
    for task, clip, draft in asked:
        assert TASKS[task].score(draft.truth, draft.truth) == 1
        assert "{" not in draft.text
        assert all(0 <= a < b <= clip.end - clip.start + 0.1 for a, b in draft.evidence)


def _asked(videos: list[Video], labels: list[Label]) -> Iterator[tuple[str, Clip, QuestionDraft]]:
    of_video = group_by_field(labels, "video")
    for one in videos:
        own = of_video[one.id]
        for start, end, overlaps in plan_clip_windows(one.duration, 60, 60, 1):
            given = (one.id, one.source, one.sport, one.match, "", "open", start, end, 0, overlaps)
            clip = Clip(f"{one.id}@{start:g}", *given)
            for task in TASKS.values():
                for draft in task.ask(build_clip_scene(clip, own), RULES, Random(clip.id)):
                    yield task.name, clip, draft


@pytest.mark.parametrize("name", ["tennis", "finediving", "fs_comp"])
def test_the_counts_of_e2e_spot_are_those_of_its_file(name: str, realdata: Path) -> None:
    rows = json.loads((realdata / f"e2e-spot/{name}/val.json").read_text())
    key = {"fs_comp": "e2e-figure-skating", "tennis": "e2e-tennis"}.get(name, name)
    assert REAL[key][2:4] == (len(rows), sum(len(row["events"]) for row in rows))


def test_the_counts_of_the_tables_are_those_of_their_files(realdata: Path) -> None:
    strokes = sum(len(_table(file)) for file in (realdata / "shuttleset").glob("*/set*.csv"))
    assert strokes == REAL["shuttleset"][3]
    rows = [row for file in (realdata / "repcount").glob("*.csv") for row in _table(file)]
    marks = [[cell for key, cell in row.items() if key[:1] == "L" and cell] for row in rows]
    empty = sum(a == b for cells in marks for a, b in zip(cells[::2], cells[1::2], strict=True))
    pairs = sum(len(cells) // 2 for cells in marks)
    _, _, videos, actions, brought, faults = REAL["repcount"]
    assert (videos, actions + empty) == (len(rows), pairs)
    assert faults == empty + videos - brought["counting"]


def _table(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
