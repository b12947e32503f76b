"""A request becomes a reel with its evidence beside it, or an honest nothing."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from stages.ask import AskParams
from stages.chunk import ChunkParams
from tests.highlights.conftest import decoded, steady, write_film
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.tools.choose_frames import FrameBudget, ToolSession
from touchline.chat.turns import format_thinking_turn
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.highlights import teams
from touchline.highlights.make import HighlightSettings, check_reel_path, make_reel
from touchline.highlights.match import list_match_parts
from touchline.highlights.model import ClipQuestions, HighlightModel
from touchline.highlights.spots import ReelResult
from touchline.highlights.teams import TeamEvidence
from touchline.highlights.wish import TeamNames
from touchline.model.trained_with import ClipShape, QuestionShape, TrainedWith
from touchline.records.speech import Speech
from touchline.records.trajectory import Trajectory
from touchline.tasks.spotting import format_spotting_answer
from touchline.tasks.trajectory import build_trajectory

PARAMS = Path(__file__).parents[2] / "params.yaml"
Truth = dict[str, list[tuple[float, float]]]  # action -> seconds of the file


def trained(seconds: float = 20, commentary: bool = False) -> TrainedWith:
    cut = load_params_section(ClipShape, "chunk", PARAMS).model_copy(update={"seconds": seconds})
    asked = load_params_section(QuestionShape, "ask", PARAMS).model_copy(
        update={"commentary": commentary}
    )
    budget = load_params_section(FrameBudget, "budget", PARAMS)
    return TrainedWith(budget=budget, dialogue=DEFAULT_DIALOGUE, chunk=cut, ask=asked)


class Scripted:
    """Knows the truth of a file and says it in the answer format; remembers what it was asked."""

    def __init__(self, truth: Truth, how: TrainedWith | None = None) -> None:
        self.truth, self.asked, self.broken_after = truth, [], -1
        self.model = HighlightModel("scripted", "0" * 64, how or trained(), self.answers)

    def answers(self, games: ClipQuestions) -> Iterator[Trajectory]:
        for question, reel in games:
            if len(self.asked) == self.broken_after:
                raise KeyboardInterrupt
            self.asked.append(question)
            start, end = map(float, question.clip.rpartition("@")[2].split("-"))
            here = [
                (max(a, start) - start, min(b, end) - start)
                for a, b in self.truth.get(question.action, [])
                if min(b, end) - max(a, start) > 1
            ]
            turn = format_thinking_turn("I look.", format_spotting_answer(question.action, here))
            content = [{"type": "text", "text": turn}]
            viewing = ToolSession(reel, trained().budget)
            viewing.open()
            messages = [{"role": "assistant", "content": content}]
            yield build_trajectory("scripted", question, messages, viewing)


@pytest.fixture(scope="session")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("match") / "match.mkv", steady(1000))


def cut(
    match: Path | Sequence[Path],
    request: str,
    who: Scripted,
    settings: HighlightSettings,
    to: Path,
    **how,
) -> ReelResult:
    films = [match] if isinstance(match, Path) else match
    return make_reel(films, request, who.model, settings, to / "reel.mp4", to / "cache", **how)


def test_answers_of_overlapping_clips_become_one_highlight_cut_to_the_frame(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14), (27, 33)]})
    made = cut(match, "all the goals", who, settings, tmp_path)
    assert [(h.start, h.end) for h in made.highlights] == [(8, 14), (27, 33)]
    numbers = [number for _, number in decoded(tmp_path / "reel.mp4")]
    assert numbers == [*range(7 * 25, 14 * 25), *range(26 * 25, 33 * 25)]
    first, second = made.highlights
    assert (first.reel_start, first.reel_end, second.reel_start) == pytest.approx((1, 7, 8))


def test_the_record_says_what_was_understood_asked_and_answered(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    made = cut(match, "goals", Scripted({"goal": [(8, 14)]}), settings, tmp_path)
    said = json.loads(made.json.read_text())
    assert said["understood"] == "goal" and said["model"]["sha256"] == "0" * 64
    assert said["highlights"][0]["answers"][0] in {one["id"] for one in said["answers"]}
    assert said["chapters"][0]["title"] == "goal 0:08"
    assert str(tmp_path) not in made.json.read_text()
    page = made.page.read_text()
    assert "1. goal" in page and "I look." in page
    assert str(tmp_path) not in page and not re.search(r"(src|href)=.http", page)


def test_a_video_without_the_action_gives_an_honest_nothing_and_no_reel(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    cut(match, "goals", Scripted({"goal": [(8, 14)]}), settings, tmp_path)
    made = cut(match, "corners", Scripted({}), settings, tmp_path)
    assert made.reel is None and not (tmp_path / "reel.mp4").exists()
    assert json.loads(made.json.read_text())["highlights"] == []
    assert "Nothing of this was found" in made.page.read_text()


def test_actions_that_overlap_share_one_chapter(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14)], "shot on target": [(5, 11)]})
    made = cut(match, "goals and shots on target", who, settings, tmp_path)
    assert [one.title for one in made.cuts] == ["shot on target 0:05, goal 0:08"]
    assert len(made.highlights) == 2


def test_a_second_request_asks_the_model_nothing_and_decodes_nothing(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14)]})
    cut(match, "goals", who, settings, tmp_path)
    asked = len(who.asked)
    stored = [path.stat().st_mtime_ns for path in (tmp_path / "cache/frames").rglob("*.parquet")]
    cut(match, "the first goal", who, settings, tmp_path)
    assert len(who.asked) == asked
    assert stored == [p.stat().st_mtime_ns for p in (tmp_path / "cache/frames").rglob("*.parquet")]


def test_a_stopped_request_goes_on_where_it_was(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14)]})
    who.broken_after = 2
    with pytest.raises(KeyboardInterrupt):
        cut(match, "goals", who, settings, tmp_path)
    assert not list(tmp_path.glob("reel*")) and not list(tmp_path.glob(".reel*"))
    who.broken_after = -1
    cut(match, "goals", who, settings, tmp_path)
    assert len(who.asked) == len({q.id for q in who.asked})


def test_another_model_is_asked_anew(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    cut(match, "goals", Scripted({"goal": [(8, 14)]}), settings, tmp_path)
    other = Scripted({})
    other.model = HighlightModel("other", "1" * 64, trained(), other.answers)
    assert cut(match, "goals", other, settings, tmp_path).reel is None


def test_the_second_half_of_one_file_begins_at_its_kickoff(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14), (27, 33)]})
    made = cut(match, "goals in the second half", who, settings, tmp_path, kickoff2=20.0)
    (one,) = made.highlights
    assert (one.period, one.start, one.match_start) == (2, 27, 27)


def test_a_half_that_nobody_knows_is_asked_for_by_its_option(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"say --kickoff2 TIME .*, or give --halves"):
        cut(match, "goals in the second half", Scripted({}), settings, tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_files_are_the_halves_in_their_order(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    second = write_film(tmp_path / "other.mkv", steady(750), first=200)
    who = Scripted({"goal": [(8, 14)]})
    made = cut([match, second], "goals in the second half", who, settings, tmp_path)
    assert [(h.file, h.period, h.match_start) for h in made.highlights] == [("other.mkv", 2, 48)]


def test_the_last_seconds_are_those_of_the_match(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"goal": [(8, 14), (27, 33)]})
    made = cut(match, "goals in the last 20 seconds", who, settings, tmp_path)
    assert [h.start for h in made.highlights] == [27]


def test_commentary_stands_in_the_question_as_in_training(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({}, trained(commentary=True))
    line = Speech("a", "own", 22.0, 24.0, "What a shot!", "asr.json")
    cut(match, "goals", who, settings, tmp_path, speech={match: [line]})
    heard = {q.clip.rpartition("@")[2]: q.text for q in who.asked}
    assert heard["20-40"].startswith("Commentary:\n0:02-0:04 What a shot!\nFind every goal")
    assert heard["0-20"].startswith("Find every goal")


def test_a_model_trained_without_commentary_is_told_none_and_the_reel_says_so(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who, line = Scripted({}), Speech("a", "own", 22.0, 24.0, "What a shot!", "asr.json")
    made = cut(match, "goals", who, settings, tmp_path, speech={match: [line]})
    assert not any("What a shot" in q.text for q in who.asked)
    assert made.notes == ("the model was trained without commentary, so it was told none",)


def told(match: Path, keep: bool = False) -> TeamEvidence:
    """Commentary on a goal of the home team, on one of the away team and on a third."""
    texts = {9: "Ashford score, a goal!", 19: "Brindle score, a goal!", 35: "A goal!"}
    rows = [Speech(str(at), "own", at, at + 2, text, "") for at, text in texts.items()]
    clubs = TeamNames(("Ashford",), ("Brindle",))
    return TeamEvidence("soccer", clubs, {match: rows}, keep=keep)


GOALS = {"goal": [(5.0, 11.0), (15.0, 21.0), (31.0, 37.0)]}


def test_a_team_gets_its_own_goals_and_what_is_left_out_is_said_with_the_reason(
    match: Path, settings: HighlightSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "BEFORE", 0.0)
    monkeypatch.setattr(teams, "AFTER", 3.0)
    made = cut(match, "goals by Brindle", Scripted(GOALS), settings, tmp_path, sides=told(match))
    (one,) = made.highlights
    assert (one.start, one.team) == (15, "away")
    assert one.told_by == 'commentary at 0:19 says "Brindle score, a goal!"'
    assert [(left.start, left.team) for left in made.omitted] == [(5, "home"), (31, "")]
    assert made.notes[-2:] == (
        "1 of the other team left out",
        "1 left out, for nothing tells their team (goal 0:31: commentary names no team alone)",
    )
    assert json.loads(made.json.read_text())["omitted"][1]["told_by"].startswith("commentary names")
    assert "Away: commentary at 0:19" in made.page.read_text()


def test_what_nothing_tells_the_team_of_is_kept_when_asked_and_a_number_counts_what_is_left(
    match: Path, settings: HighlightSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "BEFORE", 0.0)
    monkeypatch.setattr(teams, "AFTER", 3.0)
    how = {"sides": told(match, keep=True)}
    made = cut(match, "last goal of the home team", Scripted(GOALS), settings, tmp_path, **how)
    assert [(one.start, one.team) for one in made.highlights] == [(31, "")]
    made = cut(match, "first goal by Brindle", Scripted(GOALS), settings, tmp_path, **how)
    assert [(one.start, one.team) for one in made.highlights] == [(15, "away")]


def test_a_team_that_nothing_can_tell_is_refused_before_any_work(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted(GOALS)
    with pytest.raises(InputError, match="--labels FILE, or --commentary FILE with --home NAME"):
        cut(match, "goals of the home team", who, settings, tmp_path)
    assert not who.asked and not list(tmp_path.iterdir())


def test_what_models_are_not_taught_is_noted(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    made = cut(match, "red cards", Scripted({}), settings, tmp_path)
    assert any("red card" in note for note in made.notes)


def test_own_words_are_the_question_and_the_reel_says_that_nobody_taught_them(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    who = Scripted({"crowd goes wild": [(8, 14)]})
    with pytest.raises(InputError, match="add --free to put your own words"):
        cut(match, "when the crowd goes wild", who, settings, tmp_path)
    made = cut(match, "when the crowd goes wild", who, settings, tmp_path, free=True)
    assert {q.text for q in who.asked} == {
        "Find every crowd goes wild in this soccer clip of 0:20."
    }
    assert [(h.action, h.start, h.end) for h in made.highlights] == [("crowd goes wild", 8, 14)]
    assert made.notes == (
        '"crowd goes wild" was put to the model as it stands; '
        "it was not taught these words and may only guess",
    )
    assert json.loads(made.json.read_text())["wish"]["own"] is True


def test_a_file_that_is_no_reel_of_ours_is_not_overwritten(
    match: Path, settings: HighlightSettings, tmp_path: Path
) -> None:
    (tmp_path / "reel.mp4").write_bytes(b"holiday")
    with pytest.raises(InputError, match="not a reel of ours"):
        cut(match, "goals", Scripted({}), settings, tmp_path)
    assert (tmp_path / "reel.mp4").read_bytes() == b"holiday"


@pytest.mark.parametrize("beside", [b"{}", b"[1]", b"not json", b'{"request": "of another tool"}'])
def test_a_json_file_of_somebody_else_is_not_overwritten_either(
    tmp_path: Path, beside: bytes
) -> None:
    for kind, held in ((".json", beside), (".mp4", b"holiday")):
        (tmp_path / "match").with_suffix(kind).write_bytes(held)
        with pytest.raises(InputError, match="not a reel of ours"):
            check_reel_path(tmp_path / "match.mp4")


def test_two_files_of_one_name_are_refused(match: Path, tmp_path: Path) -> None:
    again = tmp_path / "other" / match.name
    again.parent.mkdir()
    again.symlink_to(match)
    with pytest.raises(InputError, match="two files are called"):
        list_match_parts([match, again], "soccer", None)


@pytest.mark.parametrize(
    "wrong", [{"stride": 0}, {"batch": 0}, {"before": -1}, {"encoding": {"crf": 20, "preset": "x"}}]
)
def test_settings_that_would_never_end_or_encode_nothing_are_refused(
    settings: HighlightSettings, wrong: dict
) -> None:
    with pytest.raises(ValidationError):
        HighlightSettings.model_validate({**settings.model_dump(), **wrong})


def test_the_settings_views_agree_with_their_sections() -> None:
    assert set(ClipShape.model_fields) < set(ChunkParams.model_fields)
    assert set(QuestionShape.model_fields) < set(AskParams.model_fields)
