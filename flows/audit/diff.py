"""`touchline diff`: in words, what changed between two runs."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.audit import collect, facts
from flows.nightly.bisect import changed
from flows.runs import overrides, past_run, record, show, worktree
from flows.runs.record import File, Record

PARTS = ("code", "parameters", "data", "words", "teacher", "packages", "machine", "scores")
CODE = (".py", ".html", ".js", ".css")


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("diff", help="say in words what changed between two runs")
    one.set_defaults(action=run)
    one.add_argument("before", help="id of a run, its beginning, or `latest`")
    one.add_argument("after", help="another one")
    one.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Exit status 0, whether or not anything differs."""
    root = worktree.root()
    before, after = past_run.find(root, args.before), past_run.find(root, args.after)
    found = compare(root, before, after)
    sys.stdout.write(record.as_json(found) + "\n" if args.json else words(found))
    return 0


def compare(root: Path, before: Record, after: Record) -> dict[str, Any]:
    """Sentences by part; parts in which nothing differs are empty."""
    with tempfile.TemporaryDirectory() as place:
        folders = Path(place) / "before", Path(place) / "after"
        lost = [
            p
            for one, f in zip((before, after), folders, strict=True)
            for p in collect.linked(root, one, f)[1]
        ]
        data = list(_data(before, after, folders))
        teacher = list(_teacher(before, after, folders))
    parts = (
        _code(root, before, after),
        _told(overrides.flat(before.params), overrides.flat(after.params)),
        data,
        _words(before, after),
        teacher,
        _packages(root, before, after),
        _told(before.hardware, after.hardware),
        _scores(before, after),
    )
    said = {name: list(lines) for name, lines in zip(PARTS, parts, strict=True)}
    return {"before": before.id, "after": after.id, **said, "not in the cache": sorted(set(lost))}


def words(found: dict[str, Any]) -> str:
    """For people: a heading per part that differs."""
    lines = [f"from run {found['before']} to run {found['after']}"]
    for name in PARTS:
        lines += [name, *(f"  {line}" for line in found[name])] if found[name] else []
    if len(lines) == 1:
        lines.append("nothing that is recorded differs")
    if lost := found["not in the cache"]:
        lines.append(f"rows not compared, their objects are not in the cache: {', '.join(lost)}")
    return "\n".join(lines) + "\n"


def _told(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for key, (a, b) in changed(before, after).items():
        yield f"{key}: {_value(a)} -> {_value(b)}"


def _value(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _code(root: Path, before: Record, after: Record) -> Iterator[str]:
    if before.commit != after.commit:
        yield from _commits(root, before.commit, after.commit)
    if before.difference != after.difference:
        yield "the uncommitted changes differ"
    for stage in before.stages.keys() & after.stages.keys():
        files = changed(
            *(
                {f.path: f.md5 for f in one.stages[stage].inputs if f.path.endswith(CODE)}
                for one in (before, after)
            )
        )
        if files:
            yield f"{stage}: {len(files)} files differ: {', '.join(list(files)[:5])}"


def _commits(root: Path, before: str, after: str) -> list[str]:
    """One line each; the bare ids where git has one of them no more."""
    try:
        there = worktree.git(root, "log", "--oneline", f"{before}..{after}").splitlines()
        back = worktree.git(root, "log", "--oneline", f"{after}..{before}").splitlines()
    except subprocess.CalledProcessError:
        return [f"{before[:12]} -> {after[:12]}"]
    return [f"with {line}" for line in there] + [f"without {line}" for line in back]


def _made(one: Record) -> dict[str, File]:
    return {file.path: file for file in one.products}


def _data(before: Record, after: Record, folders: tuple[Path, Path]) -> Iterator[str]:
    """Products with another digest, and how their rows differ."""
    from flows.audit.facts import tables

    old, new = _made(before), _made(after)
    for path in [*old, *(path for path in new if path not in old)]:
        a, b = old.get(path), new.get(path)
        if a is None or b is None:
            yield f"{path}: {'only in the first' if b is None else 'only in the second'}"
        elif a.md5 != b.md5:
            rows = [tables(folder / path) for folder in folders]
            known = all(rows)
            yield f"{path}: " + (
                facts.describe_row_changes(*rows) if known else f"{a.size} -> {b.size} bytes"
            )


def _words(before: Record, after: Record) -> Iterator[str]:
    """Texts among the inputs: prompts."""
    texts = [
        {
            f.path: f.md5
            for s in one.stages.values()
            for f in s.inputs
            if f.path.endswith(collect.TEXTS)
        }
        for one in (before, after)
    ]
    for path, (a, b) in changed(*texts).items():
        yield f"{path}: {'new' if a is None else 'gone' if b is None else 'changed'}"


def _teacher(before: Record, after: Record, folders: tuple[Path, Path]) -> Iterator[str]:
    """What products say of who taught and who judged."""
    for path in sorted(_made(before).keys() & _made(after).keys()):
        files = [folder / path / "teacher.json" for folder in folders]
        if all(file.is_file() for file in files):
            yield from _told(*(overrides.flat(json.loads(file.read_text())) for file in files))


def _packages(root: Path, before: Record, after: Record) -> Iterator[str]:
    locks = [collect.shown(root, one, "requirements.lock").decode() for one in (before, after)]
    pins = [facts.pins(lock) for lock in locks]
    yield from _told({**pins[0], **before.versions}, {**pins[1], **after.versions})


def _scores(before: Record, after: Record) -> Iterator[str]:
    """Scores with their intervals; whether these overlap, which is no test of the difference."""
    old, new = _flat(before), _flat(after)
    for name in [*old, *(name for name in new if name not in old)]:
        a, b = old.get(name), new.get(name)
        if a != b:
            yield f"{name}: {_interval(a)} -> {_interval(b)}{_apart(a, b)}"


def _flat(one: Record) -> dict[str, dict[str, Any]]:
    return {
        f"{name}.{task}.{metric}": held
        for name, tasks in show.scores(one).items()
        for task, metrics in tasks.items()
        for metric, held in metrics.items()
        if isinstance(held, dict) and isinstance(held.get("value"), int | float)
    }


def _interval(held: dict[str, Any] | None) -> str:
    if held is None:
        return "nothing"
    ends = f" ({held['low']:.3f} to {held['high']:.3f})" if held.get("low") is not None else ""
    return f"{held['value']:.3f}{ends}"


def _apart(a: dict[str, Any] | None, b: dict[str, Any] | None) -> str:
    if not a or not b or a.get("low") is None or b.get("low") is None:
        return ""
    return ", intervals apart" if a["high"] < b["low"] or b["high"] < a["low"] else ""
