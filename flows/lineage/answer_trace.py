"""From one answer back: its question, clip, video, frames, and what its model learnt from."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.lineage import schema
from flows.lineage.derive_rows import LEARNT, Near, pc

ATTEMPTS = (  # product, file: where an answer may stand
    ("answers", "answers.parquet"),
    ("accepted", "trajectories.parquet"),
    ("rl", "rollouts.parquet"),
)


def find(near: Near, wanted: str) -> tuple[str, dict[str, Any]] | None:
    """(product, row) of the attempt with this id, or the last one at the question of this id."""
    for key in ("id", "question"):
        for product, file in ATTEMPTS:
            rows = _rows(near, product, file, key, [wanted])
            if rows:
                return product, rows[-1]
    return None


def names(near: Near) -> list[str]:
    """Ids of all answers, for a sentence that offers some."""
    table = _table(near, "answers", "answers.parquet", ["id"])
    return table["id"].to_pylist() if table is not None else []


def behind(near: Near, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Question, clip, video and the frames seen; {} for what the run's products lack."""
    question = _first(_rows(near, "questions", "questions.parquet", "id", [attempt["question"]]))
    clip = _first(_rows(near, "clips", "clips.parquet", "id", [question.get("clip", "")]))
    video = _first(_rows(near, "manifest", "videos.parquet", "id", [question.get("video", "")]))
    video.pop("keyframes", None)
    seen = [
        block["time"]
        for message in json.loads(attempt["messages"])
        for block in message["content"]
        if block["type"] == "image"
    ]
    return {"question": question, "clip": clip, "video": video, "frames": seen}


def lessons(near: Near, model: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Rows the model learnt from: of the same match, and of the same task and action.

    Each of the two is {rows, ids, questions}; `learnt` counts all.
    """
    parts = [
        table.select(["id", "question", "match", "task"])
        for product, file in LEARNT.get(model, ())
        if (table := _table(near, product, file, ["id", "question", "match", "task"])) is not None
    ]
    if not parts:
        return {"learnt": 0, "match": _told(None), "action": _told(None)}
    every = pa.concat_tables(parts)
    of_match = every.filter(pc.equal(every["match"], question.get("match", "")))
    alike = every.filter(pc.is_in(every["question"], value_set=_alike(near, question)))
    return {"learnt": every.num_rows, "match": _told(of_match), "action": _told(alike)}


def _alike(near: Near, question: Mapping[str, Any]) -> pa.Array:
    """Ids of the questions of the same sport, task and action."""
    names = ["id", "sport", "task", "action"]
    table = _table(near, "questions", "questions.parquet", names)
    if table is None or not question:
        return pa.array([], pa.string())
    for name in names[1:]:
        table = table.filter(pc.equal(table[name], question[name]))
    return table["id"].combine_chunks()


def _told(table: pa.Table | None) -> dict[str, Any]:
    if table is None:
        return {"rows": 0, "ids": [], "questions": []}
    asked = list(dict.fromkeys(table["question"].to_pylist()))
    return {"rows": table.num_rows, "ids": table["id"].to_pylist(), "questions": asked}


def calls(files: Iterable[Path], questions: Iterable[str]) -> dict[str, list[str]]:
    """question -> keys of the requests about it, in the stores of replies of teachers."""
    found: dict[str, list[str]] = {question: [] for question in questions}
    for file in files:
        with schema.open_read_only(file) as db:
            for tag, key in db.execute("SELECT tag, key FROM requests ORDER BY at"):
                if tag in found:
                    found[tag].append(key)
    return found


def _first(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return rows[0] if rows else {}


def _rows(near: Near, product: str, file: str, key: str, wanted: list[str]) -> list[dict[str, Any]]:
    if file not in near.get(product, {}):
        return []
    return pq.read_table(near[product][file], filters=[(key, "in", wanted)]).to_pylist()


def _table(near: Near, product: str, file: str, columns: list[str]) -> pa.Table | None:
    files = near.get(product, {})
    return pq.read_table(files[file], columns=columns) if file in files else None
