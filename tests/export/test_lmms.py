"""The tasks for lmms-eval ask with the run's own frames and score as the tasks themselves do."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from datasets import load_dataset
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from tests.export.conftest import ASKED, questions_of
from tests.world import HOSTILE
from touchline.evaluation.test_set import EvalSet
from touchline.export import lmms, lmms_tasks
from touchline.metrics.temporal_iou import count_many_to_many, count_one_to_one
from touchline.records.clip import Clip
from touchline.records.table import pair_times, write_records
from touchline.tasks import TASKS
from touchline.tasks.spotting import MIN_IOU, parse_intervals


def read(file: Path) -> dict[str, Any]:
    """A task file, its functions looked up beside it, as lmms-eval does."""
    known = {f"{lmms.TASKS_MODULE}.{name}": one for name, one in vars(lmms_tasks).items()}

    class Beside(SafeConstructor):
        pass

    Beside.add_constructor("!function", lambda _, node: known[node.value])
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Beside
    return yaml.load(file)


def test_each_task_is_asked_with_its_pictures_behind_their_times(bench: EvalSet, tmp_path: Path):
    names = lmms.write_lmms_tasks(tmp_path / "out", bench, 80)
    assert names == ["touchline_counting", "touchline_open", "touchline_spotting"]
    said = read(tmp_path / "out/touchline_spotting.yaml")
    assert said["task"] == "touchline_spotting" and said["output_type"] == "generate_until"
    assert said["process_results"] is lmms_tasks.spotting_results
    data = {key: str(tmp_path / "out" / file) for key, file in
            said["dataset_kwargs"]["data_files"].items()}  # fmt: skip
    rows = load_dataset("parquet", data_files=data, cache_dir=str(tmp_path / "cache"))["test"]
    assert len(rows) == sum(q.task == "spotting" for q in bench.split_questions)
    doc = rows[0]
    system, user = said["doc_to_messages"](doc)
    assert system["role"] == "system" and "choose_frames" not in system["content"][0]["text"]
    kinds = [block["type"] for block in user["content"]]
    assert kinds[:4] == ["text", "image", "text", "image"] and kinds[-1] == "text"
    assert kinds.count("image") == len(doc["images"]) == bench.budget.max_frames
    assert user["content"][1]["url"].size == (bench.budget.width, bench.budget.height)
    assert said["doc_to_text"](doc).endswith(bench.questions_by_id[doc["id"]].text)
    assert doc[said["doc_to_target"]] == bench.questions_by_id[doc["id"]].truth
    right = said["process_results"](doc, [f"<think>\nx\n</think>\n\n{doc['truth']}"])
    assert set(right) == {metric["metric"] for metric in said["metric_list"]}


def test_the_python_is_the_fixed_file_and_needs_nothing_of_ours(bench: EvalSet, tmp_path: Path):
    lmms.write_lmms_tasks(tmp_path / "out", bench, 80)
    made = sorted(path.name for path in (tmp_path / "out").glob("*.py"))
    assert made == ["touchline_tasks.py"]
    text = (tmp_path / "out/touchline_tasks.py").read_text()
    assert text == Path(lmms_tasks.__file__).read_text()
    assert [line for line in text.splitlines() if line.startswith(("import", "from"))] == [
        "import json",
        "import re",
    ]


def test_what_is_not_open_to_all_stays_here(bench: EvalSet, tmp_path: Path):
    bound = [replace(clip, terms="nda") for clip in bench.clips_by_id.values()]
    write_records(tmp_path / "clips/clips.parquet", Clip, bound)
    fresh = replace(bench)
    assert lmms.write_lmms_tasks(tmp_path / "out", fresh, 80) == []
    assert not (tmp_path / "out").exists()


def test_their_scores_are_those_of_the_tasks_whatever_is_answered():
    asked = questions_of()
    random = Random(1)
    truths = {task: sorted({q.truth for _, q in asked if q.task == task}) for task in ASKED}
    assert all(truths[task] for task in ("spotting", "open", "counting", "choice"))
    for _, question in asked:
        given = [question.truth, random.choice(truths[question.task]), random.choice(HOSTILE)]
        for said in given:
            doc = {"zero": 0.0, "truth": question.truth, "evidence": question.evidence}
            found = vars(lmms_tasks)[f"{question.task}_results"](doc, [said])
            said = lmms_tasks.strip_thinking(said)
            if question.task != "spotting":
                (value,) = found.values()
                assert value == TASKS[question.task].score(said, question.truth), (said, question)
                continue
            guesses, labels = parse_intervals(said), pair_times(question.evidence)
            assert tuple(found["f1"]) == count_many_to_many(guesses, labels, MIN_IOU)
            assert tuple(found["f1_matched"]) == count_one_to_one(guesses, labels, MIN_IOU)


def test_counts_are_pooled_before_they_are_divided():
    assert lmms_tasks.f1([[1, 0, 0], [0, 1, 2]]) == pytest.approx(2 / 5)
    assert lmms_tasks.f1([[0, 0, 0]]) == 0.0
