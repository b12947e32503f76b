"""Labels of one's own match are put on the clock of the files that are here."""

import json
from pathlib import Path

import pytest

from tests.highlights.conftest import steady, write_film
from touchline.errors import InputError
from touchline.highlights.match import list_match_parts
from touchline.highlights.own_labels import read_match_labels

ROWS = [(1, 4.0, "home"), (1, 4.0, "home"), (2, 3.0, "away"), (2, 900.0, "home")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        {"gameTime": f"{half} - 00:{int(at) % 60:02d}", "label": "Goal", "team": team}
        | {"position": str(int(at * 1000))}
        for half, at, team in ROWS
    ]
    (tmp_path / "Labels-v2.json").write_text(json.dumps({"annotations": rows}))
    return tmp_path / "Labels-v2.json"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "match.mkv", steady(500), sound=False)


def test_both_halves_of_one_file_count_from_their_kickoffs(file: Path, film: Path) -> None:
    found = read_match_labels(file, list_match_parts([film], "soccer", 10.0), "soccer")[film]
    assert [(one.start, one.team) for one in found] == [(4.0, "home"), (13.0, "away")]


def test_labels_of_a_half_that_is_not_here_are_left_out(file: Path, film: Path) -> None:
    half = film.rename(film.with_name("1_224p.mkv"))
    found = read_match_labels(file, list_match_parts([half], "soccer", None), "soccer")[half]
    assert [(one.start, one.team) for one in found] == [(4.0, "home")]


def test_a_file_of_which_nobody_knows_the_half_or_that_is_no_labels_is_refused(
    file: Path, film: Path
) -> None:
    with pytest.raises(InputError, match="which half the video shows is not known; say --kickoff2"):
        read_match_labels(file, list_match_parts([film], "soccer", None), "soccer")
    file.write_text("{}")
    with pytest.raises(InputError, match="lacks the key 'annotations'"):
        read_match_labels(file, list_match_parts([film], "soccer", 10.0), "soccer")
    with pytest.raises(InputError, match="there is no such file"):
        read_match_labels(
            file.with_name("none.json"), list_match_parts([film], "soccer", 10.0), "soccer"
        )
