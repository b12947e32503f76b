"""Derive the manifest rows of a product from its own tables, column by column; no stage writes
them.

A product without tables of its own, such as a model or a report page, gets the rows of the products
it was made from. Those are read from `run_files`, the other products of the same run.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from flows.lineage.manifest import MANIFEST_SCHEMA, join_manifest_rows
from touchline.errors import InputError

ProductFiles = Mapping[str, Path]  # path in the product -> where its bytes lie
RunFiles = Mapping[str, ProductFiles]  # name of a product of the same run -> its files
ArrowColumn = Any  # of Arrow: an array, whole or in pieces
pc: Any = pyarrow.compute  # whose functions are made when it is imported


def derive_product_rows(name: str, files: ProductFiles, run_files: RunFiles) -> pa.Table:
    """Manifest rows of the product called `name`, as a table with MANIFEST_SCHEMA; empty for an
    unknown product. Raises `InputError` if its files cannot be read.
    """
    if name not in ROW_RULES:
        return MANIFEST_SCHEMA.empty_table()
    try:
        return join_manifest_rows(ROW_RULES[name](files, run_files))
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        problem = f"its rows cannot be read ({' '.join(str(error).split())[:100]})"
        raise InputError(
            f"data/{name}", problem, "`dvc fetch` it from a remote, or rerun"
        ) from None


def _video_file_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """Rows for raw files. A video file gets its own id and match, any other file the match of its
    folder.
    """
    table = _read_columns(run_files.get("manifest", {}), "videos.parquet", ["id", "match", "path"])
    videos = table.to_pylist() if table else []
    video_of_path = {entry["path"]: (entry["id"], entry["match"]) for entry in videos}
    matches_of_folder: dict[str, set[str]] = {}
    for entry in videos:
        matches_of_folder.setdefault(str(PurePosixPath(entry["path"]).parent), set()).add(
            entry["match"]
        )
    entries = [
        (name, *video_of_path.get(name, _match_of_folder(name, matches_of_folder)))
        for name in sorted(files)
    ]
    names, units, matches = ([entry[column] for entry in entries] for column in range(3))
    return [_build_rows("file", pa.array(names, pa.string()), units, matches, file=names)]


def _match_of_folder(name: str, matches_of_folder: Mapping[str, set[str]]) -> tuple[str, str]:
    """(match, match) for a file that is not a video: the match of the videos in its folder, or
    empty strings if they are of several matches.
    """
    folder_matches = matches_of_folder.get(str(PurePosixPath(name).parent), set())
    match = next(iter(folder_matches)) if len(folder_matches) == 1 else ""
    return match, match


def _manifest_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    videos_table = _read_columns(files, "videos.parquet", ["id", "match", "path", "sha256"])
    if videos_table is None:
        return []
    ids, digests = videos_table["id"], videos_table["sha256"]
    parts = [
        _build_rows("video", ids, ids, videos_table["match"], videos_table["path"], sha256=digests)
    ]
    units = _MatchLookup(files)
    for kind, file in (("label", "labels.parquet"), ("speech", "speech.parquet")):
        if table := _read_columns(files, file, ["id", "video"]):
            videos = table["video"]
            parts.append(
                _build_rows(
                    kind, table["id"], videos, units.find_matches(videos), videos, file=file
                )
            )
    if table := _read_columns(files, "splits.parquet", ["match", "split"]):
        match = table["match"]
        extra = {"split": table["split"], "file": "splits.parquet"}
        parts.append(_build_rows("split", match, match, match, **extra))
    return parts


def _frame_store_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """One row per frame store; the file name is the quoted video id."""
    names = sorted(name for name in files if name.endswith(".parquet"))
    ids = pa.array([unquote(name.removesuffix(".parquet")) for name in names], pa.string())
    return [
        _build_rows("frames", ids, ids, _match_lookup(run_files).find_matches(ids), ids, file=names)
    ]


def _clip_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    table = _read_columns(files, "clips.parquet", ["id", "video", "match"])
    if table is None:
        return []
    return [_build_rows("clip", table["id"], table["video"], table["match"], table["video"])]


def _caption_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    table = _read_columns(files, "captions.parquet", ["id", "clip"])
    if table is None:
        return []
    video_ids = _parent_video_ids(table["clip"])
    return [
        _build_rows(
            "caption",
            table["id"],
            video_ids,
            _match_lookup(run_files).find_matches(video_ids),
            table["clip"],
        )
    ]


def _question_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    names = ["id", "video", "match", "clip", "split", "task"]
    table = _read_columns(files, "questions.parquet", names)
    if table is None:
        return []
    extra = {"split": table["split"], "task": table["task"]}
    return [
        _build_rows("question", table["id"], table["video"], table["match"], table["clip"], **extra)
    ]


def _trajectory_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    attempts = _attempt_rows(files, "trajectories.parquet", "trajectory")
    table = _read_columns(files, "verdicts.parquet", ["id", "question", "task"])
    if table is None:
        return attempts
    video_ids = _parent_video_ids(table["question"])
    extra = {"task": table["task"], "file": "verdicts.parquet"}
    matches = _match_lookup(run_files).find_matches(video_ids)
    return [
        *attempts,
        _build_rows("verdict", table["id"], video_ids, matches, table["question"], **extra),
    ]


def _accepted_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    return _attempt_rows(files, "trajectories.parquet", "trajectory")


def _lesson_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """Rows for a model before RL: the trajectories it was fine-tuned on. None for a base model from
    the Hugging Face hub, whose terms.json names no sources.
    """
    if "terms.json" in files and not json.loads(files["terms.json"].read_text())["sources"]:
        return []
    return _attempt_rows(run_files.get("accepted", {}), "trajectories.parquet", "lesson")


def _rl_model_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """Rows for a model after RL: its fine-tuning trajectories and its rollouts."""
    return [*_lesson_rows(files, run_files), *_attempt_rows(files, "rollouts.parquet", "rollout")]


def _answer_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    return _attempt_rows(files, "answers.parquet", "answer")


def _report_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """Rows for the report: any page may show any answer, lesson, rollout or question of the run."""
    shown_rows = [
        *_answer_rows(run_files.get("answers", {}), run_files),
        *_rl_model_rows(run_files.get("rl", {}), run_files),
        *_question_rows(run_files.get("questions", {}), run_files),
    ]
    return _page_rows(
        join_manifest_rows(shown_rows), sorted(name for name in files if name.endswith(".html"))
    )


def _health_rows(files: ProductFiles, run_files: RunFiles) -> list[pa.Table]:
    """Rows for the health pages: one page per source, which may quote rows of any video of that
    source.
    """
    manifest_rows = join_manifest_rows(_manifest_rows(run_files.get("manifest", {}), run_files))
    source = pc.replace_substring_regex(manifest_rows["match"], "/.*$", "")
    return [
        part
        for name in sorted(files)
        if name.endswith(".html")
        for part in _page_rows(
            manifest_rows.filter(pc.equal(source, PurePosixPath(name).stem)), [name]
        )
    ]


def _page_rows(shown_rows: pa.Table, names: Sequence[str]) -> list[pa.Table]:
    """One `page` row for every pair of unit and page."""
    units = shown_rows.group_by(["unit", "match"], use_threads=False).aggregate([])
    return [
        _build_rows("page", _repeat_text(name, units), units["unit"], units["match"], file=name)
        for name in names
    ]


def _attempt_rows(files: ProductFiles, file: str, kind: str) -> list[pa.Table]:
    names = ["id", "question", "match", "author", "split", "task"]
    table = _read_columns(files, file, names)
    if table is None:
        return []
    extra: dict[str, ArrowColumn | str] = {name: table[name] for name in names[3:]}
    video_ids = _parent_video_ids(table["question"])
    return [
        _build_rows(
            kind, table["id"], video_ids, table["match"], table["question"], file=file, **extra
        )
    ]


ROW_RULES: dict[str, Callable[[ProductFiles, RunFiles], list[pa.Table]]] = {
    "videos": _video_file_rows,
    "manifest": _manifest_rows,
    "health": _health_rows,
    "frames": _frame_store_rows,
    "clips": _clip_rows,
    "captions": _caption_rows,
    "questions": _question_rows,
    "trajectories": _trajectory_rows,
    "accepted": _accepted_rows,
    "base": _lesson_rows,
    "sft": _lesson_rows,
    "rl": _rl_model_rows,
    "answers": _answer_rows,
    "report": _report_rows,
}
ROW_SOURCES: dict[str, tuple[str, ...]] = {  # products whose rows stand for those of another
    "videos": ("manifest",),
    "health": ("manifest",),
    "base": ("accepted",),
    "sft": ("accepted",),
    "rl": ("accepted",),
    "report": ("answers", "rl", "accepted", "questions"),
}
NEEDS_MANIFEST = (
    "frames",
    "captions",
    "trajectories",
)  # whose rows do not say of which match they are
ONE_FILE_PER_VIDEO = ("videos", "frames")  # a file holds rows of one video alone
MODEL_PRODUCTS = ("base", "sft", "rl")
TRAINING_TABLES = {  # model -> (product, file) of the rows that moved its weights
    "sft": (("accepted", "trajectories.parquet"),),
    "rl": (("accepted", "trajectories.parquet"), ("rl", "rollouts.parquet")),
}


class _MatchLookup:
    """Looks up the match of video ids in the manifest of a run; for an unknown video, the id
    without its last path component.
    """

    def __init__(self, manifest: ProductFiles) -> None:
        table = _read_columns(manifest, "videos.parquet", ["id", "match"])
        self.video_matches = (
            table.combine_chunks() if table else MANIFEST_SCHEMA.empty_table().select(["id"])
        )

    def find_matches(self, units: ArrowColumn) -> ArrowColumn:
        match_from_id = pc.replace_substring_regex(units, "/[^/]*$", "")  # source/match/part
        if not self.video_matches.num_rows:
            return match_from_id
        indices = pc.index_in(units, value_set=self.video_matches["id"].combine_chunks())
        return pc.coalesce(
            self.video_matches["match"].combine_chunks().take(indices), match_from_id
        )


def _match_lookup(run_files: RunFiles) -> _MatchLookup:
    return _MatchLookup(run_files.get("manifest", {}))


def _parent_video_ids(ids: ArrowColumn) -> ArrowColumn:
    """Video ids from clip ids (VIDEO@START-END) or question ids (CLIP?NUMBER-TASK)."""
    return pc.replace_substring_regex(ids, "@[^@]*$", "")


def _read_columns(files: ProductFiles, file: str, names: list[str]) -> pa.Table | None:
    """Read some columns of one Parquet file of a product; None if the product does not have the
    file.
    """
    return pq.read_table(files[file], columns=names) if file in files else None


def _repeat_text(text: str, table: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), table.num_rows)


def _build_rows(
    kind: str,
    id: ArrowColumn,
    unit: ArrowColumn | list[str],
    match: ArrowColumn | list[str],
    parent: ArrowColumn | None = None,
    **extra: ArrowColumn | list[str] | str,
) -> pa.Table:
    """Manifest rows of one kind. A missing column becomes empty strings; a single string is
    repeated for every row.
    """
    values = {"kind": kind, "id": id, "parent": parent, "unit": unit, "match": match, **extra}
    columns = []
    for field in MANIFEST_SCHEMA:
        value = values.get(field.name)
        if value is None or isinstance(value, str):
            value = pa.repeat(pa.scalar(value or "", field.type), len(id))
        columns.append(pa.array(value, field.type) if isinstance(value, list) else value)
    return pa.Table.from_arrays(
        [_to_string_array(column) for column in columns], schema=MANIFEST_SCHEMA
    )


def _to_string_array(column: ArrowColumn) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.cast(pa.string())
