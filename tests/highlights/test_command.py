"""What is typed becomes a reel; only the model behind it is scripted."""

import json
import subprocess
from pathlib import Path

import pytest

from flows import cli
from tests.highlights.conftest import decoded, steady, write_film
from tests.highlights.test_make import PARAMS, Scripted
from touchline.highlights import model


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    write_film(tmp_path / "match.mkv", steady(1000))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        cli.main(["highlights", *words])
    return end.value.code


@pytest.mark.parametrize(
    ("request_", "more", "action"),
    [("all goals in the second half", (), "goal"), ("the crowd in uproar", ("--free",), "crowd")],
)
def test_a_sentence_becomes_a_reel_and_what_was_found_is_said(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request_: str,
    more: tuple[str, ...],
    action: str,
) -> None:
    who = Scripted({"goal": [(8, 14), (27, 33)], "crowd in uproar": [(27, 33)]})
    monkeypatch.setattr(model, "open_highlight_model", lambda *_: who.model)
    asked = ("match.mkv", request_, "--kickoff2", "0:20", "--model", ".", *more)
    assert typed(*asked) == 0
    said = capsys.readouterr()
    assert "understood: " in said.err and "reel.mp4  1 highlight\n" in said.out
    assert ("may only guess" in said.out) == bool(more)
    (one,) = json.loads((checkout / "reel.json").read_text())["highlights"]
    assert one["action"].startswith(action) and (one["start"], one["end"]) == (27, 33)
    assert [number for _, number in decoded(checkout / "reel.mp4")] == list(range(25 * 25, 35 * 25))


def test_a_request_nobody_understands_ends_with_status_two_and_no_file(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("match.mkv", "the weather in Paris") == 2
    assert "add --free" in capsys.readouterr().err
    assert not list(checkout.glob("reel*"))


def test_teams_are_told_by_labels_that_are_typed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"gameTime": f"1 - 00:{at}", "label": "Goal", "position": f"{at}000", "team": team}
        for at, team in (("11", "home"), ("30", "away"))
    ]
    (checkout / "Labels-v2.json").write_text(json.dumps({"annotations": rows}))
    (checkout / "match.mkv").rename(checkout / "1_match.mkv")
    monkeypatch.setattr(
        model, "open_highlight_model", lambda *_: Scripted({"goal": [(8, 14), (27, 33)]}).model
    )
    names = ("--home", "Ashford", "--away", "Brindle", "--labels", "Labels-v2.json")
    assert typed("1_match.mkv", "goals by Brindle", *names, "--model", ".") == 0
    said = capsys.readouterr().out
    assert "away: the label at 0:30 says away" in said and "1 of the other team left out" in said
    assert typed("1_match.mkv", "goals by Brindle", "--home", "Ashford", "--model", ".") == 2
    assert "--home and --away: need each other" in capsys.readouterr().err
