"""Labels and commentary alone go from files to validated lessons, as the presets have it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.runs.overrides import apply_overrides
from stages import ask, caption, chunk, distill, download, validate
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.checks.tables.columns import build_question_rows
from touchline.checks.tables.expectations import ValidateParams
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.licence import LicenceParams
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records
from touchline.records.trajectory import Trajectory
from touchline.tasks.spotting import parse_intervals

ROOT = Path(__file__).parents[2]
PLACE = "download.sources.soccernet"
PARAMS = {
    download: {"download": download.DownloadParams, "licence": LicenceParams},
    chunk: {"chunk": chunk.ChunkParams},
    caption: {"caption": caption.CaptionParams, "dialogue": Dialogue},
    ask: {"ask": ask.AskParams, "dialogue": Dialogue},
    distill: {"distill": distill.DistillParams, "budget": FrameBudget, "dialogue": Dialogue},
    validate: {
        "validate": ValidateParams,
        "budget": FrameBudget,
        "dialogue": Dialogue,
        "licence": LicenceParams,
    },
}
PATHS = {
    download: "videos manifest health",
    chunk: "videos manifest frames clips",
    caption: "manifest clips captions",
    ask: "manifest clips captions frames questions",
    distill: "manifest clips questions frames trajectories",
    validate: "manifest clips captions questions trajectories accepted",
}


def pipeline(work: Path, preset: str, sets: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Run the stages from download to validate with a preset of the project."""
    work.mkdir(exist_ok=True)
    shutil.copy(ROOT / "params.yaml", work)
    shutil.copytree(ROOT / "presets", work / "presets", dirs_exist_ok=True)
    apply_overrides(work, preset, [f"{key}={json.dumps(value)}" for key, value in sets.items()])
    measured = {}
    for stage, kinds in PARAMS.items():
        given = [
            load_params_section(kind, name, work / "params.yaml") for name, kind in kinds.items()
        ]
        paths = [work / name for name in PATHS[stage].split()]
        measured[stage.__name__.split(".")[1]] = stage.main(*given, *paths)
    return measured


def real(**more: Any) -> dict[str, Any]:
    """Settings for the real games, whose folders the preset names."""
    found = {f"{PLACE}.{key}": value for key, value in more.items()}
    return found | {"download.workers": 1, "chunk.workers": 1}


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five made-up games; two corners, one of them 2 s before the end of a minute."""
    root = tmp_path_factory.mktemp("league")
    for number in range(5):
        game = f"cup/2030-2031/2030-05-0{number + 1} - 18-00 Reds {number} - 0 Blues"
        marks = [(2, 733, "Corner"), (2, 778, "Corner"), (1, 5, "Foul"), (1, 95, "Offside")]
        rows = [
            {"gameTime": f"{half} - 00:00", "label": name, "position": f"{time}000", "team": "home"}
            for half, time, name in marks
        ]
        said = [[718.2, 723.9, "They win it high up."], [741, 744.5, "Corner."]]
        files = {
            f"games/{game}/Labels-v2.json": {"annotations": rows},
            f"echoes/whisper_v2_en/{game}/1_asr.json": {"segments": {"0": [1, 2, "Off we go."]}},
            f"echoes/whisper_v2_en/{game}/2_asr.json": {"segments": dict(enumerate(said))},
        }
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(json.dumps(content))
    return root


def made_up(league: Path, **more: Any) -> dict[str, Any]:
    folders = {"folder": str(league / "games"), "echoes": str(league / "echoes"), "splits": ""}
    found = {f"{PLACE}.{key}": value for key, value in folders.items()}
    return found | {"download.workers": 1, "chunk.workers": 1} | more


@pytest.fixture(scope="module")
def paper(league: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products and numbers of the preset `spotting-paper` on the made-up games."""
    work = tmp_path_factory.mktemp("paper")
    (work / "measured.json").write_text(
        json.dumps(pipeline(work, "spotting-paper", made_up(league)))
    )
    return work


def numbers(work: Path) -> dict[str, dict[str, float]]:
    return json.loads((work / "measured.json").read_text())


def test_a_question_reads_as_the_paper_describes_it(paper: Path) -> None:
    measured = numbers(paper)
    assert measured["chunk"]["clips"] == measured["chunk"]["clips_without_frames"] == 5 * 2 * 45
    questions = read_records(paper / "questions/questions.parquet", Question)
    assert len(questions) == 5 * 2 and {q.action for q in questions} == {"corner", "foul"}
    corner = next(q for q in questions if q.action == "corner")
    commentary = '[["11:58", "12:03", "They win it high up."], ["12:21", "12:24", "Corner."]]'
    assert commentary in corner.text and "all match times of corner" in corner.text
    assert corner.truth == "A corner occurs at (12:07, 12:19). A corner occurs at (12:52, 13:04)."
    assert corner.evidence == [7.0, 19.0, 52.0, 60.0]
    foul = next(q for q in questions if q.action == "foul")
    assert foul.truth == "A foul occurs at (0:00, 0:11)."  # nothing begins before the half


def test_a_lesson_in_the_papers_manner_is_one_question_and_the_bare_answer(paper: Path) -> None:
    measured = numbers(paper)
    accepted = read_records(paper / "accepted/trajectories.parquet", Trajectory)
    assert measured["validate"]["kept"] == measured["distill"]["without_frames"] == len(accepted)
    for lesson in accepted:
        messages = json.loads(lesson.messages)
        assert [message["role"] for message in messages] == ["user", "assistant"]
        assert messages[1]["content"] == [{"type": "text", "text": lesson.answer}]
        assert "vision-language model" in messages[0]["content"][0]["text"]


def test_samples_are_llavas_conversations_split_by_match(paper: Path) -> None:
    measured = numbers(paper)
    samples = {
        split: json.loads((paper / f"questions/samples-{split}.json").read_text())
        for split in ("train", "test")
    }
    assert {s: len(rows) for s, rows in samples.items()} == {
        split: measured["ask"][f"questions.{split}"] for split in ("train", "test")
    }
    videos = [{row["video"].split("/2030-05")[1][:3] for row in samples[s]} for s in samples]
    assert not videos[0] & videos[1]
    human, reply = samples["train"][0]["conversations"]
    assert human["from"] == "human" and human["value"].startswith("<video>\nCommentary of")
    assert reply["from"] == "gpt" and parse_intervals(reply["value"])
    assert len({row["id"] for rows in samples.values() for row in rows}) == 10


def test_without_frames_the_thinking_teacher_says_so_and_calls_no_tool(
    league: Path, tmp_path: Path
) -> None:
    style = {"dialogue.style": "thinking", "dialogue.time": "clip", "dialogue.cut": True}
    measured = pipeline(tmp_path, "spotting-paper", made_up(league, **style))
    for lesson in read_records(tmp_path / "accepted/trajectories.parquet", Trajectory):
        assert "no frame of this clip" in lesson.messages and not lesson.windows
    assert measured["distill"]["calls"] == 0
    captions = read_records(tmp_path / "captions/captions.parquet", Caption)
    assert all(0 <= line.start < line.end <= 60 for line in captions)


def test_negatives_are_asked_for_at_about_the_stated_rate(league: Path, tmp_path: Path) -> None:
    sets = made_up(league) | {"ask.negatives": 0.5, "validate.absent": [0.0, 1.0]}
    pipeline(tmp_path, "spotting-negatives", sets)
    questions = read_records(tmp_path / "questions/questions.parquet", Question)
    absent = [q for q in questions if not q.evidence]
    assert len(absent) == 5 * 90 and all(q.truth.startswith("No ") for q in absent)


def test_a_stated_split_goes_before_the_drawn_one(league: Path, tmp_path: Path) -> None:
    games = sorted(p.parent.relative_to(league / "games") for p in league.rglob("Labels-v2.json"))
    lists = {"train": [str(games[0])], "valid": [str(game) for game in games[1:]]}
    (league / "games/lists.json").write_text(json.dumps(lists))
    given = {f"{PLACE}.splits": "lists.json", f"{PLACE}.names": {"train": "train", "valid": "test"}}
    pipeline(tmp_path, "spotting-paper", made_up(league) | given | {"ask.splits": "stated"})
    questions = read_records(tmp_path / "questions/questions.parquet", Question)
    splits = {q.match.split("/", 1)[1]: q.split for q in questions}
    assert splits == {str(g): "train" if g == games[0] else "test" for g in games}
    with pytest.raises(InputError, match="no source states a split"):
        pipeline(tmp_path, "spotting-paper", made_up(league) | {"ask.splits": "stated"})


def test_the_gate_of_truths_sees_a_time_of_the_wrong_clock(paper: Path) -> None:
    clips = {c.id: c for c in read_records(paper / "clips/clips.parquet", Clip)}
    questions = read_records(paper / "questions/questions.parquet", Question)
    half = Dialogue(style="spotting-paper", time="half", cut=False)
    assert all(row["truth_has_evidence"] for row in build_question_rows(questions, clips, half))
    late = [replace(q, truth=q.truth.replace("(12:", "(13:")) for q in questions]
    wrong = [row["truth_has_evidence"] for row in build_question_rows(late, clips, half)]
    assert wrong == [q.action != "corner" for q in questions]
    clip_time = half.model_copy(update={"time": "clip"})
    told = [row["truth_has_evidence"] for row in build_question_rows(questions, clips, clip_time)]
    assert told == [q.action != "corner" for q in questions]


@pytest.mark.realdata
def test_the_preset_gives_the_reference_counts_on_real_games(
    realdata: Path, tmp_path: Path
) -> None:
    """3,780 positives over 43 games with complete whisper_v1_en, 3,776 of them with commentary."""
    measured = pipeline(tmp_path, "spotting-paper", real(transcripts=["whisper_v1_en"]))
    questions = read_records(tmp_path / "questions/questions.parquet", Question)
    assert len(questions) == 3780 and all(q.evidence for q in questions)
    assert sum(q.text.startswith("Commentary") for q in questions) == 3776
    assert len({q.match for q in questions}) == measured["download"]["matches"] == 43
    assert measured["validate"]["kept"] == measured["ask"]["questions.train"]
    annotated = sum(
        len(json.loads(file.read_text())["annotations"])
        for file in (realdata / "soccernet").rglob("Labels-v2.json")
    )
    assert annotated == 10171  # and each of them, kept or dropped, is in the ledger
    ledger = download_ledger(tmp_path)
    assert sum("/labels/" in row for row in ledger) == annotated


def download_ledger(work: Path) -> list[str]:
    return pq.read_table(work / "manifest/ledger.parquet")["row"].to_pylist()


@pytest.mark.realdata
def test_about_half_of_the_real_questions_with_negatives_are_about_absent_actions(
    realdata: Path, tmp_path: Path
) -> None:
    measured = pipeline(tmp_path, "spotting-negatives", real())
    questions = read_records(tmp_path / "questions/questions.parquet", Question)
    assert 0.48 < sum(not q.evidence for q in questions) / len(questions) < 0.52
    assert measured["validate"]["warnings"] == 0
