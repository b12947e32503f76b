"""SoccerNet's captions become ready questions about their moment."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.downloads import downloaded, params
from tests.sources.soccernet.conftest import GAME, League
from tests.world import RULES, clip_of
from touchline.records.label import Label
from touchline.records.table import read_records
from touchline.sources import SOURCES
from touchline.sources.soccernet.folder import SoccerNetGamesSettings
from touchline.tasks import TASKS
from touchline.tasks.scene import build_clip_scene

Make = Callable[..., dict[str, Any]]


def fetched(tmp_path: Path, given: dict[str, Any]) -> tuple[dict[str, float], list[Label]]:
    given = {key: given[key] for key in SoccerNetGamesSettings.model_fields}
    totals = downloaded(tmp_path, params("drop", {"soccernet-captions": given}))
    return totals, read_records(tmp_path / "manifest/labels.parquet", Label)


def test_a_caption_is_a_ready_question_and_faulty_ones_are_dropped(
    league: League, settings: Make, tmp_path: Path
) -> None:
    good = (1, 661.0, "A corner  for the Reds.")
    league.captions(GAME, good, (2, 20.0, " "), good, (2, 9999.0, "Too late."))
    totals, (label,) = fetched(tmp_path, settings())
    assert (label.task, label.start, label.answer) == ("open", 661.0, "A corner for the Reds.")
    assert totals["dropped"] == 3 and totals["videos"] == 2


def test_captions_are_asked_for_by_their_moment_and_nothing_else_is_asked() -> None:
    more = {"task": "open", "asked": "", "options": [], "answer": "A corner for the Reds."}
    label = Label("l", "v", "", 161.0, 161.0, "", **more)  # type: ignore[arg-type]
    with_one, without = (
        build_clip_scene(clip_of("soccer", start=at), [label]) for at in (120, 600)
    )
    asked = {name: task.ask(with_one, RULES, Random(1)) for name, task in TASKS.items()}
    assert [name for name, drafts in asked.items() if drafts] == ["open"]
    (draft,) = asked["open"]
    assert "around 0:41" in draft.text and draft.truth == "A corner for the Reds."
    assert draft.evidence == ((26.0, 56.0),)
    assert not any(task.ask(without, RULES, Random(1)) for task in TASKS.values())


@pytest.mark.realdata
def test_all_real_captions_are_read(realdata: Path, tmp_path: Path) -> None:
    source, names = SOURCES["soccernet-captions"], {"train": "train", "valid": "val"}
    given = {"splits": "games.json", "names": names, "half_minutes": [45, 60]}
    given |= {"fetch": [], "connections": 1}
    totals, labels = fetched(tmp_path, {"folder": str(realdata / "soccernet"), **given})
    assert totals["labels"] + totals["dropped"] == 3603
    assert all(label.answer for label in labels) and source.terms == "nda"
