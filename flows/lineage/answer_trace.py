"""Trace one answer back to its question, clip, video and frames, and to the training rows of its
model.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.lineage import schema
from flows.lineage.derive_rows import TRAINING_TABLES, RunFiles, pc

ANSWER_TABLES = (  # product, file: where an answer may stand
    ("answers", "answers.parquet"),
    ("accepted", "trajectories.parquet"),
    ("rl", "rollouts.parquet"),
)


def find_answer_row(run_files: RunFiles, identifier: str) -> tuple[str, dict[str, Any]] | None:
    """(product, row) of the attempt with this id, else of the last attempt at the question with
    this id; None if there is none.
    """
    for key in ("id", "question"):
        for product, file in ANSWER_TABLES:
            rows = _read_matching_rows(run_files, product, file, key, [identifier])
            if rows:
                return product, rows[-1]
    return None


def list_answer_ids(run_files: RunFiles) -> list[str]:
    """Ids of all answers of a run, to suggest some in an error message."""
    table = _read_table(run_files, "answers", "answers.parquet", ["id"])
    return table["id"].to_pylist() if table is not None else []


def collect_answer_sources(run_files: RunFiles, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """{question, clip, video, frames} of an attempt: three rows and the times of the frames shown,
    in seconds. A row is {} if the run's products lack it.
    """
    question = _first_row(
        _read_matching_rows(
            run_files, "questions", "questions.parquet", "id", [attempt["question"]]
        )
    )
    clip = _first_row(
        _read_matching_rows(run_files, "clips", "clips.parquet", "id", [question.get("clip", "")])
    )
    video = _first_row(
        _read_matching_rows(
            run_files, "manifest", "videos.parquet", "id", [question.get("video", "")]
        )
    )
    video.pop("keyframes", None)
    frame_times = [
        block["time"]
        for message in json.loads(attempt["messages"])
        for block in message["content"]
        if block["type"] == "image"
    ]
    return {"question": question, "clip": clip, "video": video, "frames": frame_times}


def find_training_rows(
    run_files: RunFiles, model: str, question: Mapping[str, Any]
) -> dict[str, Any]:
    """Training rows of the product `model` that relate to `question`. Returns {learnt, match,
    action}: the total count, and {rows, ids, questions} for the rows of the same match and for
    those of the same sport, task and action.
    """
    parts = [
        table.select(["id", "question", "match", "task"])
        for product, file in TRAINING_TABLES.get(model, ())
        if (table := _read_table(run_files, product, file, ["id", "question", "match", "task"]))
        is not None
    ]
    if not parts:
        return {
            "learnt": 0,
            "match": _summarize_training_rows(None),
            "action": _summarize_training_rows(None),
        }
    training_rows = pa.concat_tables(parts)
    same_match = training_rows.filter(pc.equal(training_rows["match"], question.get("match", "")))
    similar = training_rows.filter(
        pc.is_in(training_rows["question"], value_set=_similar_question_ids(run_files, question))
    )
    return {
        "learnt": training_rows.num_rows,
        "match": _summarize_training_rows(same_match),
        "action": _summarize_training_rows(similar),
    }


def _similar_question_ids(run_files: RunFiles, question: Mapping[str, Any]) -> pa.Array:
    """Ids of the questions of the same sport, task and action."""
    names = ["id", "sport", "task", "action"]
    table = _read_table(run_files, "questions", "questions.parquet", names)
    if table is None or not question:
        return pa.array([], pa.string())
    for name in names[1:]:
        table = table.filter(pc.equal(table[name], question[name]))
    return table["id"].combine_chunks()


def _summarize_training_rows(table: pa.Table | None) -> dict[str, Any]:
    if table is None:
        return {"rows": 0, "ids": [], "questions": []}
    question_ids = list(dict.fromkeys(table["question"].to_pylist()))
    return {"rows": table.num_rows, "ids": table["id"].to_pylist(), "questions": question_ids}


def find_teacher_requests(files: Iterable[Path], questions: Iterable[str]) -> dict[str, list[str]]:
    """Map each question id to the keys of the teacher requests about it in these reply caches."""
    request_keys: dict[str, list[str]] = {question: [] for question in questions}
    for file in files:
        with schema.open_read_only(file) as db:
            for tag, key in db.execute("SELECT tag, key FROM requests ORDER BY at"):
                if tag in request_keys:
                    request_keys[tag].append(key)
    return request_keys


def _first_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return rows[0] if rows else {}


def _read_matching_rows(
    run_files: RunFiles, product: str, file: str, key: str, values: list[str]
) -> list[dict[str, Any]]:
    if file not in run_files.get(product, {}):
        return []
    return pq.read_table(run_files[product][file], filters=[(key, "in", values)]).to_pylist()


def _read_table(
    run_files: RunFiles, product: str, file: str, columns: list[str]
) -> pa.Table | None:
    files = run_files.get(product, {})
    return pq.read_table(files[file], columns=columns) if file in files else None
