"""The page of a source is one offline file that shows what was found, and no word it must not."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checks.sources.conftest import ENGLISH, film, label, lines
from touchline.checks.sources import CHECKS
from touchline.checks.sources.case import ClockReadings, SourceCase, run_source_checks
from touchline.checks.sources.page import write_health_page
from touchline.errors import InputError
from touchline.sources.source import RowFault

Make = Callable[..., SourceCase]
SECRET, HOSTILE = "quokka at midnight", "<script>alert(1)</script>"


def faulty(case: Make) -> SourceCase:
    """A source with something of everything."""
    names = ("Foul", "Goal", "Corner", f"{SECRET} stroke")
    labels = [label(n, 60.0 * n, name) for n, name in enumerate(names)]
    ready = {"task": "open", "asked": SECRET, "answer": HOSTILE}
    labels += [label(8, 30.0, "", end=40.0, **ready), label(9, 60.0, "Goal"), label(10, 9999.0)]
    why = InputError("f.json: annotations[3]", f"'{SECRET}' is not a label of soccer", "correct it")
    clocks = [ClockReadings(film().id, 4, (100.0, 900.0, 1800.0), (100.0, 900.0, 1860.0))]
    spoken = lines([*ENGLISH, SECRET, SECRET, SECRET, HOSTILE, HOSTILE])
    faults = [RowFault("test/x/labels/3", why)]
    return case(labels=labels, speech=spoken, faults=faults, clocks=clocks)


def page(case: SourceCase, path: Path, secret: bool = False) -> str:
    write_health_page(
        path, run_source_checks(case, CHECKS), ("CC0-1.0", "nda" if secret else "open"), secret
    )
    return path.read_text(encoding="utf-8")


def test_it_names_what_was_found_and_escapes_what_it_quotes(case: Make, tmp_path: Path):
    text = page(faulty(case), tmp_path / "page.html")
    assert "3 of 18 rows were dropped." in text
    for said in (
        "says the same as", "lies at 9999 to 9999 s of 2700 s", "has 2 - 0 goals labelled",
        "repeats the line before in 38% of its 8 lines", f"{SECRET} stroke", "has no commentary",
        "is not a label of soccer", "ready question: open",
    ):  # fmt: skip
        assert said in text, said
    assert HOSTILE not in text and text.count("<script") == 0


def test_nothing_on_it_points_outside_and_equal_sources_give_equal_bytes(
    case: Make, tmp_path: Path
):
    text = page(faulty(case), tmp_path / "a.html")
    assert not re.search(r"https?://|@import|url\((?!data:)|<img|<iframe|<script", text)
    assert text == page(faulty(case), tmp_path / "b.html")


def test_of_a_source_under_nda_only_numbers_and_names_of_matches_are_shown(
    case: Make, tmp_path: Path
):
    text = page(faulty(case), tmp_path / "page.html", secret=True)
    assert "quokka" not in text and "alert" not in text and ENGLISH[0] not in text
    assert text.count("withheld: NDA") >= 3
    assert "repeats the line before in 38% of its 8 lines" in text and "Kelso 2 - 1 Oakham" in text


def test_a_sound_source_and_an_empty_one_have_a_page_too(case: Make, tmp_path: Path):
    halves = [film("1"), film("2")]
    goals = [label(0, 5.0, "Goal"), label(1, 9.0, "Goal"), label(2, 12.0, "Goal", team="away")]
    goals[2] = replace(goals[2], video=halves[1].id)
    spoken = [*lines(ENGLISH, "1"), *lines(ENGLISH, "2")]
    sound = page(case(labels=goals, speech=spoken), tmp_path / "sound.html")
    assert "Every row was kept. Nothing else is reported." in sound
    empty = page(case(videos=[]), tmp_path / "empty.html")
    assert "Every row was kept." in empty and "This source has no commentary." in empty


@pytest.mark.parametrize("games", [1, 60])
def test_a_big_source_shows_its_worst_videos(case: Make, tmp_path: Path, games: int):
    videos = [film("1", f"cup/2030/2030-08-03 - 18-00 A{n} 0 - 0 B") for n in range(games)]
    worst = videos[-1].id
    labels = [label(n, 5.0, video=video.id) for n, video in enumerate(videos[:-1])]
    labels += [label(games + n, 9999.0 + n, video=worst) for n in range(3)]
    text = page(case(videos=videos, labels=labels), tmp_path / "page.html")
    assert text.count("<svg") == min(games, 40)
    assert f'aria-label="timeline of {videos[-1].match.split("/")[-1]}, 1"' in text
