"""`touchline trace`: from one answer back to the training rows and teacher requests behind it."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from flows.lineage import answer_trace, derive_rows, other_stores, run_index
from flows.lineage.derive_rows import RunFiles
from flows.lineage.manifest import ProductVersion
from flows.runs import dvc_project, record, worktree
from flows.runs.record import RunRecord
from touchline.errors import InputError

MAX_SHOWN_IDS = 3  # ids that the text shows


def run_trace(args: argparse.Namespace) -> int:
    """Print the trace of an answer. Exit status 0, even if it shows a leak."""
    root = worktree.find_checkout()
    trace_result = trace_answer(root, args.answer, args.run)
    sys.stdout.write(
        f"{record.format_json(trace_result)}\n" if args.json else format_trace_text(trace_result)
    )
    return 0


def trace_answer(root: Path, identifier: str, run_id: str) -> dict[str, Any]:
    """Everything behind an answer of the given run, else of the last run that has it. Raises
    `InputError` with similar ids if none has.
    """
    runs = [record.find_run(root, run_id)] if run_id else list(reversed(_list_ended_runs(root)))
    if not runs:
        raise InputError(identifier, "there is no run yet", "`touchline retrain` makes one")
    product_cache, suggestions, missing = (
        run_index.ProductCache(dvc_project.read_cache_dir(root)),
        list[str](),
        set[str](),
    )
    for run_record in runs:
        run_files = _collect_run_files(run_record, product_cache, missing)
        if hit := answer_trace.find_answer_row(run_files, identifier):
            return _build_trace(root, run_record, run_files, *hit)
        suggestions += [] if suggestions else answer_trace.list_answer_ids(run_files)
    raise _unknown_answer_error(identifier, suggestions, runs, missing)


def _list_ended_runs(root: Path) -> list[RunRecord]:
    return [
        run_record
        for run_record in run_index.load_readable_records(root, [])
        if run_record.state != "running"
    ]


def _collect_run_files(
    run_record: RunRecord, product_cache: run_index.ProductCache, missing: set[str]
) -> RunFiles:
    """Products of a run that are in the cache; the missing ones are added to `missing`."""
    run_files = {}
    for path, (_, md5) in run_index.collect_run_products(run_record).products.items():
        product = ProductVersion(path, md5)
        if path == f"data/{product.name}" and product.name in derive_rows.ROW_RULES:
            run_files[product.name] = product_cache.available_files(product)
            missing |= set() if run_files[product.name] else {f"{path} of run {run_record.id}"}
    return run_files


def _unknown_answer_error(
    identifier: str, suggestions: list[str], runs: list[RunRecord], missing: set[str]
) -> InputError:
    close = difflib.get_close_matches(identifier, suggestions, n=3, cutoff=0.3) or suggestions[:1]
    remedy = f"did you mean {' or '.join(close)}?" if close else "give an id of data/answers"
    lacking = (
        f"; {len(missing)} products are not in DVC's cache ({min(missing)})" if missing else ""
    )
    return InputError(identifier, f"no answer of {len(runs)} runs has this id{lacking}", remedy)


def _build_trace(
    root: Path, run_record: RunRecord, run_files: RunFiles, product: str, attempt: dict[str, Any]
) -> dict[str, Any]:
    sources = answer_trace.collect_answer_sources(run_files, attempt)
    author = attempt["author"]
    model = author if author in derive_rows.TRAINING_TABLES else "rl" if product == "rl" else ""
    training = answer_trace.find_training_rows(run_files, model, sources["question"])
    question_ids = training["match"]["questions"] + training["action"]["questions"]
    files = [
        file for file in other_stores.list_reply_databases(root) if file.parent.name == "teacher"
    ]
    answer_keys = (
        "id",
        "author",
        "answer",
        "score",
        "valid",
        "windows",
        "split",
        "task",
        "messages",
    )
    return {
        "run": run_record.id,
        "product": f"data/{product}",
        "answer": {key: attempt[key] for key in answer_keys},
        **sources,
        "model": _describe_model(run_record, model),
        "training": training,
        "leak": bool(training["match"]["rows"]) and attempt["split"] == "test",
        "teacher": {
            q: keys
            for q, keys in answer_trace.find_teacher_requests(files, question_ids).items()
            if keys
        },
    }


def _describe_model(run_record: RunRecord, name: str) -> dict[str, Any]:
    """Path, digest and maker of a model of the run."""
    stage, md5 = run_index.collect_run_products(run_record).products.get(f"data/{name}", ("", ""))
    if not md5:
        return {}
    return {"path": f"data/{name}", "md5": md5, "stage": stage, "run": run_record.id}


def format_trace_text(trace_result: dict[str, Any]) -> str:
    """The trace as text, one line per step back."""
    answer, question, clip, video = (
        trace_result[k] for k in ("answer", "question", "clip", "video")
    )
    answer_text = f"{answer['answer']!r}, score {answer['score']:g}"
    question_text = f"{_value_or_missing(question, 'id')} ({_value_or_missing(question, 'split')})"
    lines = [
        ("answer", f"{answer['id']} ({trace_result['product']} of run {trace_result['run']})"),
        ("said", f"{answer_text}, truth {_value_or_missing(question, 'truth')}"),
        ("question", f"{question_text}: {_value_or_missing(question, 'text')!r}"),
        (
            "clip",
            f"{_value_or_missing(clip, 'id')}: {_value_or_missing(clip, 'start')} to "
            f"{_value_or_missing(clip, 'end')} s",
        ),
        (
            "video",
            f"{_value_or_missing(video, 'path')}, sha256 "
            f"{_value_or_missing(video, 'sha256')}, {_value_or_missing(video, 'terms')}",
        ),
        (
            "frames",
            f"{len(trace_result['frames'])}, at "
            f"{_format_times(trace_result['frames'])} s of the clip",
        ),
        ("model", _format_model(trace_result["model"])),
        *_training_lines(trace_result),
    ]
    width = max(len(name) for name, _ in lines)
    return "".join(f"{name.ljust(width)}  {text}\n" for name, text in lines)


def _value_or_missing(row: dict[str, Any], key: str) -> Any:
    return row.get(key, "(not in the cache)")


def _format_times(times: list[float]) -> str:
    return ", ".join(f"{time:g}" for time in times)


def _format_model(model: dict[str, Any]) -> str:
    if not model:
        return "none that this run trained"
    return f"{model['path']} {model['md5']}, made by {model['stage']}"


def _training_lines(trace_result: dict[str, Any]) -> list[tuple[str, str]]:
    training, teacher = trace_result["training"], trace_result["teacher"]
    same_match, same_action = training["match"], training["action"]
    leak = ": A LEAK, for it was asked as a test" if trace_result["leak"] else ""
    keys = [key for request_keys in teacher.values() for key in request_keys]
    return [
        ("learnt from", f"{training['learnt']} rows"),
        ("of this match", f"{same_match['rows']} rows{leak}{_format_ids(same_match['ids'])}"),
        ("of this action", f"{same_action['rows']} rows{_format_ids(same_action['ids'])}"),
        ("teacher's calls", f"{len(keys)} requests{_format_ids(keys)}"),
    ]


def _format_ids(ids: list[str]) -> str:
    return (
        f" ({', '.join(ids[:MAX_SHOWN_IDS])}{' ...' if len(ids) > MAX_SHOWN_IDS else ''})"
        if ids
        else ""
    )
