"""`touchline runs` and `touchline show`: the records, for people and for programs."""

from datetime import datetime
from pathlib import Path
from typing import Any

from flows.runs import locks, overrides, record
from flows.runs.record import File, Record, StageRecord

HEADLINES = ("f1", "accuracy", "score")  # the one figure of a task that `runs` shows


def runs(root: Path, as_json: bool) -> str:
    """One line per run: id, state, start, duration, fates of the stages, main scores."""
    found = [alive(root, one) for one in record.every(root)]
    if as_json:
        return record.as_json([brief(one) for one in found]) + "\n"
    if not found:
        return "no runs yet; `touchline retrain` makes one\n"
    head = ("run", "state", "started", "took", "ran/restored/unchanged", "scores")
    return table([head, *map(_row, found)])


def alive(root: Path, one: Record) -> Record:
    """A record that says `running` while nobody holds the lock is of a killed run."""
    if one.state == "running" and locks.owner(root) is None:
        one.state, one.error = "killed", "killed"
    return one


def brief(one: Record) -> dict[str, Any]:
    """What `runs --json` says of a run."""
    return {
        **one.model_dump(include={"id", "state", "started", "ended", "preset", "overrides"}),
        **one.model_dump(include={"commit", "error"}),
        "seconds": seconds(one),
        "stages": {name: done.state for name, done in one.stages.items()},
        "scores": scores(one),
    }


def seconds(one: Record) -> float | None:
    if not one.ended:
        return None
    span = datetime.fromisoformat(one.ended) - datetime.fromisoformat(one.started)
    return span.total_seconds()


def scores(one: Record) -> dict[str, Any]:
    """Candidate -> task -> metric -> {value, low, high, n}, as the last stage measured them."""
    if not one.stages:
        return {}
    return list(one.stages.values())[-1].metrics.get("candidates", {})


def headline(one: Record) -> str:
    """The last candidate's figure in each task."""
    every = list(scores(one).items())
    if not every:
        return "-"
    name, tasks = every[-1]
    figures = []
    for task, metrics in tasks.items():
        metric = next((m for m in HEADLINES if m in metrics), next(iter(metrics), None))
        if metric and metrics[metric].get("value") is not None:
            figures.append(f"{task} {metric} {metrics[metric]['value']:.2f}")
    return f"{name}: {', '.join(figures)}"


def _row(one: Record) -> tuple[str, ...]:
    took = seconds(one)
    fates = "/".join(str(one.count(state)) for state in ("Ran", "Restored", "Unchanged"))
    began = one.started[:16].replace("T", " ")
    return one.id, one.state, began, "-" if took is None else clock(took), fates, headline(one)


def show(root: Path, wanted: str, as_json: bool) -> str:
    """All about one run: request, code, machine, and each stage's inputs, params, products."""
    one = alive(root, record.find(root, wanted))
    if as_json:
        return record.as_json({**one.model_dump(), "scores": scores(one)}) + "\n"
    parts = [_head(one), *(_stage(name, done) for name, done in one.stages.items())]
    return "\n\n".join([*parts, _scores(one)]).rstrip() + "\n"


def _head(one: Record) -> str:
    took = seconds(one)
    lines = [f"run {one.id}: {one.state}" + (f" ({one.error})" if one.error else "")]
    lines.append(f"  started   {one.started}" + (f", took {clock(took)}" if took else ""))
    lines.append(f"  command   {' '.join(one.command)}")
    lines.append(f"  preset    {one.preset or '-'}")
    lines += [f"  override  {key} = {value}" for key, value in one.overrides.items()]
    lines.append(f"  code      {one.commit}")
    if one.difference:
        lines.append(f"  and       uncommitted changes, sha256 {one.difference}")
    lines.append(f"  all of it git show refs/runs/{one.id}")
    lines.append(f"  packages  {', '.join(f'{k} {v}' for k, v in one.versions.items())}")
    lines.append(f"  machine   {', '.join(f'{k} {v}' for k, v in one.hardware.items())}")
    return "\n".join(lines)


def _stage(name: str, done: StageRecord) -> str:
    cost = f"{done.seconds:.1f} s, {done.cpu_seconds:.1f} CPU s, {done.peak_mib:.0f} MiB"
    lines = [f"{name}: {done.state.lower()}" + (f" ({cost})" if done.seconds else "")]
    lines += [f"  error    {done.error}"] if done.error else []
    lines += [f"  input    {_file(file)}" for file in done.inputs]
    lines += [f"  param    {k} = {v}" for k, v in overrides.flat(done.params).items()]
    lines += [f"  product  {_file(file)}" for file in done.products]
    return "\n".join(lines)


def _file(file: File) -> str:
    terms = f"  terms: {file.terms}" if file.terms else ""
    return f"{file.md5}  {file.path}  {file.size} bytes{terms}"


def _scores(one: Record) -> str:
    rows = [
        (name, task, metric, *(_figure(value.get(k)) for k in ("value", "low", "high", "n")))
        for name, tasks in scores(one).items()
        for task, metrics in tasks.items()
        for metric, value in metrics.items()
    ]
    return (
        table([("candidate", "task", "metric", "value", "low", "high", "n"), *rows]) if rows else ""
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def clock(spent: float) -> str:
    minutes, rest = divmod(round(spent), 60)
    return f"{minutes}:{rest:02d}"
