"""`touchline diff`: describe what changed between two runs."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.audit import collect, facts
from flows.runs import overrides, past_run, record, show
from flows.runs.changes import Difference, RunChanges, diff_mappings, diff_runs
from flows.runs.record import RunRecord, TrackedFile

DIFF_PARTS = ("code", "parameters", "data", "words", "teacher", "packages", "machine", "scores")
CODE_SUFFIXES = (".py", ".html", ".js", ".css")


def print_run_diff(root: Path, before: str, after: str, as_json: bool) -> int:
    """Print what changed between two runs. Exit status 0 whether or not they differ."""
    changes = compare_runs(
        root, past_run.find_past_run(root, before), past_run.find_past_run(root, after)
    )
    sys.stdout.write(record.format_json(changes) + "\n" if as_json else format_run_diff(changes))
    return 0


def compare_runs(root: Path, before: RunRecord, after: RunRecord) -> dict[str, Any]:
    """Differences of two runs as {before, after, PART: [sentences], 'not in the cache': [paths]},
    with a key for each of DIFF_PARTS.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folders = Path(scratch) / "before", Path(scratch) / "after"
        uncached = [
            path
            for run_record, folder in zip((before, after), folders, strict=True)
            for path in collect.link_product_tables(root, run_record, folder)[1]
        ]
        changes = diff_runs(root, before, after)
        data = list(_data_changes(before, after, changes, folders))
        teacher = list(_teacher_changes(before, after, folders))
    sections = (
        _code_changes(changes),
        _describe_changes(changes.params),
        data,
        _prompt_changes(changes),
        teacher,
        _describe_changes(changes.packages),
        _describe_changes(changes.hardware),
        _score_changes(before, after),
    )
    sentences = {name: list(lines) for name, lines in zip(DIFF_PARTS, sections, strict=True)}
    return {
        "before": before.id,
        "after": after.id,
        **sentences,
        "not in the cache": sorted(set(uncached)),
    }


def format_run_diff(changes: dict[str, Any]) -> str:
    """Format the result of `compare_runs` as text with a heading per part that differs."""
    lines = [f"from run {changes['before']} to run {changes['after']}"]
    for name in DIFF_PARTS:
        lines += [name, *(f"  {line}" for line in changes[name])] if changes[name] else []
    if len(lines) == 1:
        lines.append("nothing that is recorded differs")
    if uncached := changes["not in the cache"]:
        lines.append(
            f"rows not compared, their objects are not in the cache: {', '.join(uncached)}"
        )
    return "\n".join(lines) + "\n"


def _describe_changes(difference: Difference) -> Iterator[str]:
    for key, (a, b) in difference.items():
        yield f"{key}: {_format_value(a)} -> {_format_value(b)}"


def _format_value(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _code_changes(changes: RunChanges) -> Iterator[str]:
    yield from (f"with {line}" for line in changes.new_commits)
    yield from (f"without {line}" for line in changes.old_commits)
    if changes.patch:
        yield "the uncommitted changes differ"
    for stage, inputs in changes.inputs.items():
        files = [path for path in inputs if path.endswith(CODE_SUFFIXES)]
        if files:
            yield f"{stage}: {len(files)} files differ: {', '.join(files[:5])}"


def _products_by_path(run_record: RunRecord) -> dict[str, TrackedFile]:
    return {file.path: file for file in run_record.products}


def _data_changes(
    before: RunRecord, after: RunRecord, changes: RunChanges, folders: tuple[Path, Path]
) -> Iterator[str]:
    """Products with another digest, and how their rows differ."""
    old_files, new_files = _products_by_path(before), _products_by_path(after)
    for path in [path for path in (old_files | new_files) if path in changes.products]:
        a, b = old_files.get(path), new_files.get(path)
        if a is None or b is None:
            yield f"{path}: {'only in the first' if b is None else 'only in the second'}"
            continue
        rows = [facts.list_parquet_files(folder / path) for folder in folders]
        yield f"{path}: " + (
            facts.describe_row_changes(*rows) if all(rows) else f"{a.size} -> {b.size} bytes"
        )


def _prompt_changes(changes: RunChanges) -> Iterator[str]:
    """Texts among the inputs: prompts."""
    texts = {
        path: digests
        for inputs in changes.inputs.values()
        for path, digests in inputs.items()
        if path.endswith(collect.PROMPT_SUFFIXES)
    }
    for path, (a, b) in sorted(texts.items()):
        yield f"{path}: {'new' if a is None else 'gone' if b is None else 'changed'}"


def _teacher_changes(
    before: RunRecord, after: RunRecord, folders: tuple[Path, Path]
) -> Iterator[str]:
    """Changes in the products' teacher.json: which teacher and which judges."""
    for path in sorted(_products_by_path(before).keys() & _products_by_path(after).keys()):
        files = [folder / path / "teacher.json" for folder in folders]
        if all(file.is_file() for file in files):
            settings = [overrides.flatten_params(json.loads(file.read_text())) for file in files]
            yield from _describe_changes(diff_mappings(*settings))


def _score_changes(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """Changed scores with their confidence intervals, and whether these are disjoint. This is not a
    significance test.
    """
    old_scores, new_scores = _flatten_scores(before), _flatten_scores(after)
    for name in [*old_scores, *(name for name in new_scores if name not in old_scores)]:
        a, b = old_scores.get(name), new_scores.get(name)
        if a != b:
            yield (
                f"{name}: {_format_interval(a)} -> "
                f"{_format_interval(b)}{_note_disjoint_intervals(a, b)}"
            )


def _flatten_scores(run_record: RunRecord) -> dict[str, dict[str, Any]]:
    return {
        f"{name}.{task}.{metric}": score
        for name, tasks in show.get_run_scores(run_record).items()
        for task, metrics in tasks.items()
        for metric, score in metrics.items()
        if isinstance(score, dict) and isinstance(score.get("value"), int | float)
    }


def _format_interval(score: dict[str, Any] | None) -> str:
    if score is None:
        return "nothing"
    bounds = f" ({score['low']:.3f} to {score['high']:.3f})" if score.get("low") is not None else ""
    return f"{score['value']:.3f}{bounds}"


def _note_disjoint_intervals(a: dict[str, Any] | None, b: dict[str, Any] | None) -> str:
    if not a or not b or a.get("low") is None or b.get("low") is None:
        return ""
    return ", intervals apart" if a["high"] < b["low"] or b["high"] < a["low"] else ""
