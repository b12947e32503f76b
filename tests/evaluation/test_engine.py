"""Answers are kept by what decided them, resumed after a kill, and the same however dealt out."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.evaluation.parrot import BUDGET, Parrot, fresh, setting_of
from tests.train.conftest import Kit
from touchline.errors import InputError
from touchline.evaluation.cache_key import compute_cache_keys
from touchline.evaluation.candidates import parse_candidates
from touchline.evaluation.candidates.candidate import CandidateAnswer, EvalCandidate
from touchline.evaluation.engine import answer_questions, count_failed_answers
from touchline.evaluation.replayed_answer import replay_candidate_answer
from touchline.evaluation.test_set import EvalSet
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.video.frame_store import get_frame_store_path

ROOT = Path(__file__).parents[2]


def told(parrot: Parrot) -> list[str]:
    path = Path(parrot.log)
    return path.read_text().splitlines() if path.is_file() else []


def keyed(
    bench: EvalSet, candidate: EvalCandidate | None = None, **changes: object
) -> dict[str, str]:
    games = bench.load_items()
    found = compute_cache_keys(candidate or Parrot(), games, bench, setting_of(bench, **changes))
    return dict(zip([game.question.id for game in games], found, strict=True))


def test_a_second_night_asks_nothing_and_has_the_same_rows(bench: EvalSet, tmp_path: Path):
    parrot = Parrot(log=str(tmp_path / "log"))
    first = answer_questions(parrot, bench, setting_of(bench))
    assert sorted(told(parrot)) == sorted(q.id for q in bench.split_questions)
    assert answer_questions(parrot, fresh(tmp_path), setting_of(bench)) == first
    assert len(told(parrot)) == len(first)


def test_a_floor_answers_each_question_even_where_all_have_the_same_words(
    bench: EvalSet, tmp_path: Path
):
    alike = [replace(q, text="What now?") for q in bench.questions_by_id.values()]
    write_records(tmp_path / "questions/questions.parquet", Question, alike)
    bench = fresh(tmp_path)
    (floor,) = parse_candidates([{"kind": "floor", "name": "floor.constant"}])
    setting = setting_of(bench)
    alone = [said for game in bench.load_items() for said in floor.open(setting)([game])]
    assert len({said.turns for said in alone}) > 1
    rows = answer_questions(floor, bench, setting)
    games = zip(bench.load_items(), alone, strict=True)
    assert rows == [replay_candidate_answer(floor, game, said, setting) for game, said in games]


def test_a_new_truth_is_scored_without_asking_again(bench: EvalSet, tmp_path: Path):
    parrot = Parrot(log=str(tmp_path / "log"))
    first = answer_questions(parrot, bench, setting_of(bench))
    changed = [
        replace(q, truth="0 of 3: " + q.text if q.task == "open" else q.truth)
        for q in bench.questions_by_id.values()
    ]
    write_records(tmp_path / "questions/questions.parquet", Question, changed)
    second = answer_questions(parrot, fresh(tmp_path), setting_of(bench))
    assert len(told(parrot)) == len(first)
    assert [r.answer for r in first] == [r.answer for r in second]
    assert sum(r.score for r in second) > sum(r.score for r in first)


@pytest.mark.slow
def test_a_kill_costs_one_batch_and_no_byte(bench: EvalSet, tmp_path: Path):
    log = str(tmp_path / "log")
    program = (
        "import sys; from pathlib import Path;"
        "from tests.evaluation.parrot import Parrot, fresh, setting_of;"
        "from touchline.evaluation.engine import answer_questions;"
        "bench = fresh(Path(sys.argv[1]));"
        "answer_questions(Parrot(log=sys.argv[2], kill_at=2), bench, setting_of(bench))"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path, log], cwd=ROOT, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    done = told(Parrot(log=log))
    assert len(done) == 6  # two batches of three
    resumed = answer_questions(Parrot(log=log), bench, setting_of(bench))
    assert sorted(told(Parrot(log=log))) == sorted(q.id for q in bench.split_questions)
    (tmp_path / "state/checkpoints/answers.sqlite").unlink()
    assert answer_questions(Parrot(), bench, setting_of(bench)) == resumed


@pytest.mark.slow
def test_several_processes_give_the_rows_of_one(bench: EvalSet, tmp_path: Path):
    alone = answer_questions(Parrot(), bench, setting_of(bench))
    (tmp_path / "state/checkpoints/answers.sqlite").unlink()
    assert answer_questions(Parrot(), bench, setting_of(bench), processes=2) == alone


def test_one_changed_byte_of_a_frame_asks_again_about_its_clips_alone(
    bench: EvalSet, tmp_path: Path
):
    before = keyed(bench)
    video = bench.split_questions[0].video
    path = get_frame_store_path(tmp_path / "frames", video)
    table = pq.read_table(path)
    frames = table["jpeg"].to_pylist()
    at = 130  # seconds: inside the clip
    frames[at] = frames[at][:-3] + bytes([frames[at][-3] ^ 1]) + frames[at][-2:]
    place = table.schema.get_field_index("jpeg")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(frames)), path)
    after = keyed(fresh(tmp_path))
    changed = {id for id in before if before[id] != after[id]}
    assert changed == {q.id for q in bench.split_questions if q.video == video}


def test_one_letter_of_a_question_asks_it_again(bench: EvalSet, tmp_path: Path):
    before = keyed(bench)
    rows = read_records(tmp_path / "questions/questions.parquet", Question)
    rows[-1] = replace(rows[-1], text=rows[-1].text + ".")
    write_records(tmp_path / "questions/questions.parquet", Question, rows)
    after = keyed(fresh(tmp_path))
    assert [id for id in before if before[id] != after[id]] == [rows[-1].id]


def test_budget_dialogue_tokens_and_weights_ask_everything_again(
    bench: EvalSet, tmp_path: Path, kit: Kit
):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in kit.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    entry = {"kind": "model", "name": "m", "model": str(folder), "revision": ""}
    (model,) = parse_candidates([entry])
    seen = [keyed(bench, model)]
    more = BUDGET.model_copy(update={"stride": 2.0})
    seen.append(keyed(bench, model, budget=more))
    seen.append(keyed(bench, model, turn_tokens=9))
    seen.append(keyed(bench, model, dialogue=bench.dialogue.model_copy(update={"cut": False})))
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    seen.append(keyed(bench, model))
    every = [key for one in seen for key in one.values()]
    assert len(set(every)) == sum(len(set(one.values())) for one in seen)
    (folder / "log.jsonl").write_text("{}")
    assert keyed(bench, model) == seen[-1]


def test_a_model_that_breaks_down_at_a_question_gives_a_row_and_is_asked_again(bench: EvalSet):
    broken = bench.split_questions[4]
    alike = [q.id for q in bench.split_questions if q.text == broken.text]
    rows = answer_questions(Parrot(fails=(broken.text,)), bench, setting_of(bench))
    assert count_failed_answers(rows) == len(alike)
    row = next(row for row in rows if row.question == broken.id)
    assert (row.answer, row.score, row.valid) == ("", 0.0, False)
    assert "RuntimeError: CUDA out of memory" in row.messages
    mended = answer_questions(Parrot(), bench, setting_of(bench))
    assert count_failed_answers(mended) == 0


def test_a_candidate_that_answers_nothing_at_all_is_a_fault(bench: EvalSet):
    texts = tuple(q.text for q in bench.split_questions)
    with pytest.raises(InputError, match=r"parrot: answered none of .* CUDA out of memory"):
        answer_questions(Parrot(fails=texts), bench, setting_of(bench))


def test_a_batch_with_a_hole_in_it_is_filled_at_its_place(
    bench: EvalSet, monkeypatch: pytest.MonkeyPatch
):
    parrot = Parrot(fails=(bench.split_questions[1].text,))
    answer_questions(parrot, bench, setting_of(bench))
    asked: list[str] = []

    def say(games):
        asked.extend(game.question.id for game in games)
        return [CandidateAnswer(("x",)) for _ in games]

    monkeypatch.setattr(Parrot, "open", lambda self, setting: say)
    rows = answer_questions(parrot, bench, setting_of(bench))
    assert asked == [q.id for q in bench.split_questions if q.text == bench.split_questions[1].text]
    assert [row.question for row in rows] == [q.id for q in bench.split_questions]


def test_what_is_known_is_told_without_torch_or_mlflow():
    program = (
        "import sys, touchline.evaluation.engine, touchline.evaluation.candidates;"
        "sys.exit(bool({'torch', 'mlflow', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60).returncode == 0


def test_equal_questions_about_equal_frames_are_asked_once(bench: EvalSet, tmp_path: Path):
    rows = read_records(tmp_path / "questions/questions.parquet", Question)
    write_records(
        tmp_path / "questions/questions.parquet",
        Question,
        [*rows, replace(rows[-1], id="twin")],
    )
    parrot, twins = Parrot(log=str(tmp_path / "log")), fresh(tmp_path)
    found = answer_questions(parrot, twins, setting_of(twins))
    assert len(found) == len(told(parrot)) + 1
    assert found[-1].question == "twin" and found[-1].answer == found[-2].answer
