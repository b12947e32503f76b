"""Which rows a product holds, read off its own tables by columns; no stage writes any of it.

A product that is no table, such as a model or a page, holds whatever the rows it came of hold:
they are read off the products of the same run, `near`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from flows.lineage.manifest import SHAPE, joined
from touchline.errors import BadInput

Files = Mapping[str, Path]  # path in the product -> where its bytes lie
Near = Mapping[str, Files]  # name of a product of the same run -> its files
Column = Any  # of Arrow: an array, whole or in pieces
pc: Any = pyarrow.compute  # whose functions are made when it is imported


def rows(name: str, files: Files, near: Near) -> pa.Table:
    """The manifest rows of the product of this name; none for one that is not known here."""
    if name not in RULES:
        return SHAPE.empty_table()
    try:
        return joined(RULES[name](files, near))
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        wrong = f"its rows cannot be read ({' '.join(str(error).split())[:100]})"
        raise BadInput(f"data/{name}", wrong, "`dvc fetch` it from a remote, or rerun") from None


def _videos(files: Files, near: Near) -> list[pa.Table]:
    """Raw files: a video's own, others by the match whose folder they lie in."""
    found = _columns(near.get("manifest", {}), "videos.parquet", ["id", "match", "path"])
    listed = found.to_pylist() if found else []
    own = {one["path"]: (one["id"], one["match"]) for one in listed}
    above: dict[str, set[str]] = {}
    for one in listed:
        above.setdefault(str(PurePosixPath(one["path"]).parent), set()).add(one["match"])
    every = [(name, *own.get(name, _beside(name, above))) for name in sorted(files)]
    names, units, matches = ([one[at] for one in every] for at in range(3))
    return [_table("file", pa.array(names, pa.string()), units, matches, file=names)]


def _beside(name: str, above: Mapping[str, set[str]]) -> tuple[str, str]:
    """The match of a file that is no video: the only one whose videos lie in its folder."""
    found = above.get(str(PurePosixPath(name).parent), set())
    match = next(iter(found)) if len(found) == 1 else ""
    return match, match


def _manifest(files: Files, near: Near) -> list[pa.Table]:
    found = _columns(files, "videos.parquet", ["id", "match", "path", "sha256"])
    if found is None:
        return []
    ids, digests = found["id"], found["sha256"]
    parts = [_table("video", ids, ids, found["match"], found["path"], sha256=digests)]
    units = _Units(files)
    for kind, file in (("label", "labels.parquet"), ("speech", "speech.parquet")):
        if table := _columns(files, file, ["id", "video"]):
            videos = table["video"]
            parts.append(
                _table(kind, table["id"], videos, units.matches(videos), videos, file=file)
            )
    if table := _columns(files, "splits.parquet", ["match", "split"]):
        match = table["match"]
        more = {"split": table["split"], "file": "splits.parquet"}
        parts.append(_table("split", match, match, match, **more))
    return parts


def _frames(files: Files, near: Near) -> list[pa.Table]:
    """One file per video, named by the video's id."""
    names = sorted(name for name in files if name.endswith(".parquet"))
    ids = pa.array([unquote(name.removesuffix(".parquet")) for name in names], pa.string())
    return [_table("frames", ids, ids, _units(near).matches(ids), ids, file=names)]


def _clips(files: Files, near: Near) -> list[pa.Table]:
    table = _columns(files, "clips.parquet", ["id", "video", "match"])
    if table is None:
        return []
    return [_table("clip", table["id"], table["video"], table["match"], table["video"])]


def _captions(files: Files, near: Near) -> list[pa.Table]:
    table = _columns(files, "captions.parquet", ["id", "clip"])
    if table is None:
        return []
    unit = _video(table["clip"])
    return [_table("caption", table["id"], unit, _units(near).matches(unit), table["clip"])]


def _questions(files: Files, near: Near) -> list[pa.Table]:
    names = ["id", "video", "match", "clip", "split", "task"]
    table = _columns(files, "questions.parquet", names)
    if table is None:
        return []
    more = {"split": table["split"], "task": table["task"]}
    return [_table("question", table["id"], table["video"], table["match"], table["clip"], **more)]


def _trajectories(files: Files, near: Near) -> list[pa.Table]:
    told = _attempts(files, "trajectories.parquet", "trajectory")
    table = _columns(files, "verdicts.parquet", ["id", "question", "task"])
    if table is None:
        return told
    unit = _video(table["question"])
    more = {"task": table["task"], "file": "verdicts.parquet"}
    matches = _units(near).matches(unit)
    return [*told, _table("verdict", table["id"], unit, matches, table["question"], **more)]


def _accepted(files: Files, near: Near) -> list[pa.Table]:
    return _attempts(files, "trajectories.parquet", "trajectory")


def _taught(files: Files, near: Near) -> list[pa.Table]:
    """A model before RL: what it was taught, its vocabulary included; one of a hub nothing."""
    if "terms.json" in files and not json.loads(files["terms.json"].read_text())["sources"]:
        return []
    return _attempts(near.get("accepted", {}), "trajectories.parquet", "lesson")


def _reinforced(files: Files, near: Near) -> list[pa.Table]:
    """A model after RL: its lessons, and its own attempts at the questions of training."""
    return [*_taught(files, near), *_attempts(files, "rollouts.parquet", "rollout")]


def _answers(files: Files, near: Near) -> list[pa.Table]:
    return _attempts(files, "answers.parquet", "answer")


def _report(files: Files, near: Near) -> list[pa.Table]:
    """Pages show answers, lessons and rollouts of any video: each may stand in them."""
    shown = [
        *_answers(near.get("answers", {}), near),
        *_reinforced(near.get("rl", {}), near),
        *_questions(near.get("questions", {}), near),
    ]
    return _pages(joined(shown), sorted(name for name in files if name.endswith(".html")))


def _health(files: Files, near: Near) -> list[pa.Table]:
    """A page per source; it quotes rows of any of its videos."""
    every = joined(_manifest(near.get("manifest", {}), near))
    source = pc.replace_substring_regex(every["match"], "/.*$", "")
    return [
        part
        for name in sorted(files)
        if name.endswith(".html")
        for part in _pages(every.filter(pc.equal(source, PurePosixPath(name).stem)), [name])
    ]


def _pages(shown: pa.Table, names: Sequence[str]) -> list[pa.Table]:
    """A row for every video and page."""
    units = shown.group_by(["unit", "match"], use_threads=False).aggregate([])
    return [
        _table("page", _all(name, units), units["unit"], units["match"], file=name)
        for name in names
    ]


def _attempts(files: Files, file: str, kind: str) -> list[pa.Table]:
    names = ["id", "question", "match", "author", "split", "task"]
    table = _columns(files, file, names)
    if table is None:
        return []
    more: dict[str, Column | str] = {name: table[name] for name in names[3:]}
    unit = _video(table["question"])
    return [_table(kind, table["id"], unit, table["match"], table["question"], file=file, **more)]


RULES: dict[str, Callable[[Files, Near], list[pa.Table]]] = {
    "videos": _videos,
    "manifest": _manifest,
    "health": _health,
    "frames": _frames,
    "clips": _clips,
    "captions": _captions,
    "questions": _questions,
    "trajectories": _trajectories,
    "accepted": _accepted,
    "base": _taught,
    "sft": _taught,
    "rl": _reinforced,
    "answers": _answers,
    "report": _report,
}
NEEDS: dict[str, tuple[str, ...]] = {  # products whose rows stand for those of another
    "videos": ("manifest",),
    "health": ("manifest",),
    "base": ("accepted",),
    "sft": ("accepted",),
    "rl": ("accepted",),
    "report": ("answers", "rl", "accepted", "questions"),
}
LOOKED_UP = ("frames", "captions", "trajectories")  # whose rows do not say of which match they are
ONE_FILE_PER_VIDEO = ("videos", "frames")  # a file holds rows of one video alone
MODELS = ("base", "sft", "rl")
LEARNT = {  # model -> (product, file) of the rows that moved its weights
    "sft": (("accepted", "trajectories.parquet"),),
    "rl": (("accepted", "trajectories.parquet"), ("rl", "rollouts.parquet")),
}


class _Units:
    """The match of each video, as the manifest of a run has it; else by the shape of its id."""

    def __init__(self, manifest: Files) -> None:
        found = _columns(manifest, "videos.parquet", ["id", "match"])
        self.known = found.combine_chunks() if found else SHAPE.empty_table().select(["id"])

    def matches(self, units: Column) -> Column:
        stated = pc.replace_substring_regex(units, "/[^/]*$", "")  # source/match/part
        if not self.known.num_rows:
            return stated
        places = pc.index_in(units, value_set=self.known["id"].combine_chunks())
        return pc.coalesce(self.known["match"].combine_chunks().take(places), stated)


def _units(near: Near) -> _Units:
    return _Units(near.get("manifest", {}))


def _video(ids: Column) -> Column:
    """The video of a clip, VIDEO@START-END, or of a question, CLIP?NUMBER-TASK."""
    return pc.replace_substring_regex(ids, "@[^@]*$", "")


def _columns(files: Files, file: str, names: list[str]) -> pa.Table | None:
    """Some columns of a table of a product; None where the product has none such."""
    return pq.read_table(files[file], columns=names) if file in files else None


def _all(text: str, like: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), like.num_rows)


def _table(
    kind: str,
    id: Column,
    unit: Column | list[str],
    match: Column | list[str],
    parent: Column | None = None,
    **more: Column | list[str] | str,
) -> pa.Table:
    """Rows of one kind; a column that is not given is empty, a text stands for a whole one."""
    given = {"kind": kind, "id": id, "parent": parent, "unit": unit, "match": match, **more}
    columns = []
    for field in SHAPE:
        value = given.get(field.name)
        if value is None or isinstance(value, str):
            value = pa.repeat(pa.scalar(value or "", field.type), len(id))
        columns.append(pa.array(value, field.type) if isinstance(value, list) else value)
    return pa.Table.from_arrays([_whole(column) for column in columns], schema=SHAPE)


def _whole(column: Column) -> pa.Array:
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return found.cast(pa.string())
