"""`touchline trace`: from one answer to the rows of training behind it, and the teacher's calls."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from flows.lineage import answer_trace, derive_rows, other_stores, run_index
from flows.lineage.derive_rows import Near
from flows.lineage.manifest import Product
from flows.runs import dvc_project, record, worktree
from flows.runs.record import Record
from touchline.errors import BadInput

FEW = 3  # ids that the text shows


def run(args: argparse.Namespace) -> int:
    """Exit status 0; a leak is told, not judged."""
    root = worktree.root()
    found = traced(root, args.answer, args.run)
    sys.stdout.write(f"{record.as_json(found)}\n" if args.json else as_text(found))
    return 0


def traced(root: Path, wanted: str, run_id: str) -> dict[str, Any]:
    """All that is behind an answer: of the run asked for, or of the last that has it."""
    runs = [record.find(root, run_id)] if run_id else list(reversed(_ended(root)))
    if not runs:
        raise BadInput(wanted, "there is no run yet", "`touchline retrain` makes one")
    shelf, offered, missing = run_index.Shelf(dvc_project.cache(root)), list[str](), set[str]()
    for one in runs:
        near = _near(one, shelf, missing)
        if hit := answer_trace.find(near, wanted):
            return _told(root, one, near, *hit)
        offered += [] if offered else answer_trace.names(near)
    raise _unknown(wanted, offered, runs, missing)


def _ended(root: Path) -> list[Record]:
    return [one for one in run_index.records(root, []) if one.state != "running"]


def _near(one: Record, shelf: run_index.Shelf, missing: set[str]) -> Near:
    """The products of a run that the cache has."""
    found = {}
    for path, (_, md5) in run_index.of(one).products.items():
        product = Product(path, md5)
        if path == f"data/{product.name}" and product.name in derive_rows.RULES:
            found[product.name] = shelf.here(product)
            missing |= set() if found[product.name] else {f"{path} of run {one.id}"}
    return found


def _unknown(wanted: str, offered: list[str], runs: list[Record], missing: set[str]) -> BadInput:
    close = difflib.get_close_matches(wanted, offered, n=3, cutoff=0.3) or offered[:1]
    remedy = f"did you mean {' or '.join(close)}?" if close else "give an id of data/answers"
    lacking = (
        f"; {len(missing)} products are not in DVC's cache ({min(missing)})" if missing else ""
    )
    return BadInput(wanted, f"no answer of {len(runs)} runs has this id{lacking}", remedy)


def _told(
    root: Path, one: Record, near: Near, product: str, attempt: dict[str, Any]
) -> dict[str, Any]:
    found = answer_trace.behind(near, attempt)
    author = attempt["author"]
    model = author if author in derive_rows.LEARNT else "rl" if product == "rl" else ""
    learnt = answer_trace.lessons(near, model, found["question"])
    asked = learnt["match"]["questions"] + learnt["action"]["questions"]
    files = [file for file in other_stores.reply_files(root) if file.parent.name == "teacher"]
    kept = ("id", "author", "answer", "score", "valid", "windows", "split", "task", "messages")
    return {
        "run": one.id,
        "product": f"data/{product}",
        "answer": {key: attempt[key] for key in kept},
        **found,
        "model": _model(one, model),
        "training": learnt,
        "leak": bool(learnt["match"]["rows"]) and attempt["split"] == "test",
        "teacher": {q: keys for q, keys in answer_trace.calls(files, asked).items() if keys},
    }


def _model(one: Record, name: str) -> dict[str, Any]:
    """Path, digest and maker of a model of the run."""
    stage, md5 = run_index.of(one).products.get(f"data/{name}", ("", ""))
    if not md5:
        return {}
    return {"path": f"data/{name}", "md5": md5, "stage": stage, "run": one.id}


def as_text(found: dict[str, Any]) -> str:
    """For people: a line for each step back."""
    answer, question, clip, video = (found[k] for k in ("answer", "question", "clip", "video"))
    said = f"{answer['answer']!r}, score {answer['score']:g}"
    asked = f"{_of(question, 'id')} ({_of(question, 'split')})"
    lines = [
        ("answer", f"{answer['id']} ({found['product']} of run {found['run']})"),
        ("said", f"{said}, truth {_of(question, 'truth')}"),
        ("question", f"{asked}: {_of(question, 'text')!r}"),
        ("clip", f"{_of(clip, 'id')}: {_of(clip, 'start')} to {_of(clip, 'end')} s"),
        ("video", f"{_of(video, 'path')}, sha256 {_of(video, 'sha256')}, {_of(video, 'terms')}"),
        ("frames", f"{len(found['frames'])}, at {_times(found['frames'])} s of the clip"),
        ("model", _said_model(found["model"])),
        *_training(found),
    ]
    wide = max(len(name) for name, _ in lines)
    return "".join(f"{name.ljust(wide)}  {text}\n" for name, text in lines)


def _of(row: dict[str, Any], key: str) -> Any:
    return row.get(key, "(not in the cache)")


def _times(times: list[float]) -> str:
    return ", ".join(f"{time:g}" for time in times)


def _said_model(model: dict[str, Any]) -> str:
    if not model:
        return "none that this run trained"
    return f"{model['path']} {model['md5']}, made by {model['stage']}"


def _training(found: dict[str, Any]) -> list[tuple[str, str]]:
    learnt, teacher = found["training"], found["teacher"]
    of_match, alike = learnt["match"], learnt["action"]
    leak = ": A LEAK, for it was asked as a test" if found["leak"] else ""
    keys = [key for every in teacher.values() for key in every]
    return [
        ("learnt from", f"{learnt['learnt']} rows"),
        ("of this match", f"{of_match['rows']} rows{leak}{_some(of_match['ids'])}"),
        ("of this action", f"{alike['rows']} rows{_some(alike['ids'])}"),
        ("teacher's calls", f"{len(keys)} requests{_some(keys)}"),
    ]


def _some(ids: list[str]) -> str:
    return f" ({', '.join(ids[:FEW])}{' ...' if len(ids) > FEW else ''})" if ids else ""
