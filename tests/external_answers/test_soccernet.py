"""A folder of `results_spotting.json` is scored as the package does it, row by row checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.average_map import write
from tests.metrics.made_up_games import CLASSES, Games, games, ours
from touchline.errors import InputError
from touchline.external_answers.soccernet import FLOOR_NAME, score_soccernet_spotting
from touchline.metrics.average_map import LOOSE_TOLERANCES, TIGHT_TOLERANCES, compute_average_map


@pytest.fixture
def made(tmp_path: Path) -> Games:
    found = games(1, 2, 40, 80, 20)
    for _, predictions in found.values():
        for row in predictions:
            row["gameTime"] = f"{row['half']} - 00:00"
    write(tmp_path, found)
    return found


def scored(tmp_path: Path) -> dict[str, Any]:
    return score_soccernet_spotting(tmp_path / "predictions", tmp_path / "labels", "mine")


def one(tmp_path: Path) -> Path:
    return min((tmp_path / "predictions").rglob("*.json"))


def spoil(tmp_path: Path, **changes: object) -> None:
    rows = json.loads(one(tmp_path).read_text())
    rows["predictions"][3] |= changes
    one(tmp_path).write_text(json.dumps(rows))


def test_it_is_the_average_map_of_the_files(made: Games, tmp_path: Path):
    found = scored(tmp_path)["candidates"]["mine"]
    for metric, tolerances in (("loose", LOOSE_TOLERANCES), ("tight", TIGHT_TOLERANCES)):
        direct = compute_average_map(*ours(made), CLASSES, tolerances)
        for view in ("all", "shown", "unshown"):
            assert found[metric][view]["mean"] == pytest.approx(direct[view].mean, abs=1e-12)


def test_a_floor_that_never_looks_stands_beside_it(made: Games, tmp_path: Path):
    found = scored(tmp_path)["candidates"]
    assert 0 < found[FLOOR_NAME]["loose"]["all"]["mean"] < found["mine"]["loose"]["all"]["mean"]


def test_a_game_without_predictions_counts_as_nothing_found(made: Games, tmp_path: Path):
    before = scored(tmp_path)
    one(tmp_path).unlink()
    found = scored(tmp_path)
    assert found["unanswered"] == ["league/season/game 0"] and not before["unanswered"]
    means = [f["candidates"]["mine"]["loose"]["all"]["mean"] for f in (found, before)]
    assert means[0] < means[1]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"label": "Handball"}, r"predictions\[3\].label: 'Handball' is not a class"),
        ({"confidence": "sure"}, r"\[3\].confidence: 'sure' is not from 0 to 1"),
        ({"confidence": "nan"}, "is not from 0 to 1"),
        ({"confidence": 1.5}, "is not from 0 to 1"),
        ({"confidence": None}, "is not from 0 to 1"),
        ({"gameTime": "half 1"}, "gameTime: 'half 1' is not 'half - mm:ss'"),
        ({"position": "1e999"}, "position: '1e999' is not milliseconds"),
        ({"label": ["Goal"]}, "is not a class"),
    ],
)
def test_a_faulty_row_is_named(changes: dict, wrong: str, made: Games, tmp_path: Path):
    spoil(tmp_path, **changes)
    with pytest.raises(InputError, match=wrong):
        scored(tmp_path)


def test_a_file_that_is_no_such_json_is_named(made: Games, tmp_path: Path):
    one(tmp_path).write_text('{"predictions": 3}')
    with pytest.raises(InputError, match=r"results_spotting.json: predictions: is not a list"):
        scored(tmp_path)


def test_empty_predictions_are_refused(made: Games, tmp_path: Path):
    for file in (tmp_path / "predictions").rglob("*.json"):
        file.write_text('{"predictions": []}')
    with pytest.raises(InputError, match="holds not one prediction"):
        scored(tmp_path)


def test_folders_without_such_files_and_games_without_labels_are_refused(
    made: Games, tmp_path: Path
):
    with pytest.raises(InputError, match=r"holds no results_spotting\.json"):
        score_soccernet_spotting(tmp_path / "labels", tmp_path / "labels", "mine")
    min((tmp_path / "labels").rglob("*.json")).unlink()
    with pytest.raises(InputError, match=r"has no Labels-v2\.json below"):
        scored(tmp_path)
