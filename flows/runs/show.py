"""`touchline runs` and `touchline show`: format run records as text or JSON."""

from datetime import datetime
from pathlib import Path
from typing import Any

from flows.runs import locks, overrides, record
from flows.runs.record import RunRecord, StageRecord, TrackedFile

HEADLINE_METRICS = ("f1", "accuracy", "score")  # the one figure of a task that `runs` shows


def format_run_list(root: Path, as_json: bool) -> str:
    """One line per run (id, state, start, duration, stage outcomes, headline scores), or JSON."""
    records = [mark_killed_run(root, run) for run in record.list_runs(root)]
    if as_json:
        return record.format_json([summarize_run(run) for run in records]) + "\n"
    if not records:
        return "no runs yet; `touchline retrain` makes one\n"
    head = ("run", "state", "started", "took", "ran/restored/unchanged", "scores")
    return format_table([head, *map(_run_row, records)])


def mark_killed_run(root: Path, run: RunRecord) -> RunRecord:
    """Mark the record as killed if it says `running` while no process holds the run lock. Returns
    the same record.
    """
    if run.state == "running" and locks.read_lock_owner(root) is None:
        run.state, run.error = "killed", "killed"
    return run


def summarize_run(run: RunRecord) -> dict[str, Any]:
    """The fields of a run in `runs --json`."""
    return {
        **run.model_dump(include={"id", "state", "started", "ended", "preset", "overrides"}),
        **run.model_dump(include={"commit", "error"}),
        "seconds": compute_run_seconds(run),
        "stages": {name: done.state for name, done in run.stages.items()},
        "scores": get_run_scores(run),
    }


def compute_run_seconds(run: RunRecord) -> float | None:
    """Wall seconds of a run; None if it has not ended."""
    if not run.ended:
        return None
    span = datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)
    return span.total_seconds()


def get_run_scores(run: RunRecord) -> dict[str, Any]:
    """{candidate: {task: {metric: {value, low, high, n}}}} from the last stage's metrics; {} if
    there are none.
    """
    if not run.stages:
        return {}
    return list(run.stages.values())[-1].metrics.get("candidates", {})


def format_run_headline(run: RunRecord) -> str:
    """The last candidate's main metric in each task, as text."""
    candidates = list(get_run_scores(run).items())
    if not candidates:
        return "-"
    name, tasks = candidates[-1]
    figures = []
    for task, metrics in tasks.items():
        metric = next((m for m in HEADLINE_METRICS if m in metrics), next(iter(metrics), None))
        if metric and metrics[metric].get("value") is not None:
            figures.append(f"{task} {metric} {metrics[metric]['value']:.2f}")
    return f"{name}: {', '.join(figures)}"


def _run_row(run: RunRecord) -> tuple[str, ...]:
    took = compute_run_seconds(run)
    fates = "/".join(str(run.count_stages(state)) for state in ("Ran", "Restored", "Unchanged"))
    began = run.started[:16].replace("T", " ")
    return (
        run.id,
        run.state,
        began,
        "-" if took is None else format_duration(took),
        fates,
        format_run_headline(run),
    )


def format_run(root: Path, run_id: str, as_json: bool) -> str:
    """All about one run as text or JSON: request, code, machine, and each stage's inputs,
    parameters and products.
    """
    run = mark_killed_run(root, record.find_run(root, run_id))
    if as_json:
        return record.format_json({**run.model_dump(), "scores": get_run_scores(run)}) + "\n"
    parts = [_format_header(run), *(_format_stage(name, done) for name, done in run.stages.items())]
    return "\n\n".join([*parts, _format_scores(run)]).rstrip() + "\n"


def _format_header(run: RunRecord) -> str:
    took = compute_run_seconds(run)
    lines = [f"run {run.id}: {run.state}" + (f" ({run.error})" if run.error else "")]
    lines.append(f"  started   {run.started}" + (f", took {format_duration(took)}" if took else ""))
    lines.append(f"  command   {' '.join(run.command)}")
    lines.append(f"  preset    {run.preset or '-'}")
    lines += [f"  override  {key} = {value}" for key, value in run.overrides.items()]
    lines.append(f"  code      {run.commit}")
    if run.difference:
        lines.append(f"  and       uncommitted changes, sha256 {run.difference}")
    lines.append(f"  all of it git show refs/runs/{run.id}")
    lines.append(f"  packages  {', '.join(f'{k} {v}' for k, v in run.versions.items())}")
    lines.append(f"  machine   {', '.join(f'{k} {v}' for k, v in run.hardware.items())}")
    return "\n".join(lines)


def _format_stage(name: str, done: StageRecord) -> str:
    cost = f"{done.seconds:.1f} s, {done.cpu_seconds:.1f} CPU s, {done.peak_mib:.0f} MiB"
    lines = [f"{name}: {done.state.lower()}" + (f" ({cost})" if done.seconds else "")]
    lines += [f"  error    {done.error}"] if done.error else []
    lines += [f"  input    {_format_file(file)}" for file in done.inputs]
    lines += [f"  param    {k} = {v}" for k, v in overrides.flatten_params(done.params).items()]
    lines += [f"  product  {_format_file(file)}" for file in done.products]
    return "\n".join(lines)


def _format_file(file: TrackedFile) -> str:
    terms = f"  terms: {file.terms}" if file.terms else ""
    return f"{file.md5}  {file.path}  {file.size} bytes{terms}"


def _format_scores(run: RunRecord) -> str:
    rows = [
        (name, task, metric, *(_format_value(value.get(k)) for k in ("value", "low", "high", "n")))
        for name, tasks in get_run_scores(run).items()
        for task, metrics in tasks.items()
        for metric, value in metrics.items()
    ]
    return (
        format_table([("candidate", "task", "metric", "value", "low", "high", "n"), *rows])
        if rows
        else ""
    )


def _format_value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def format_table(rows: list[tuple[str, ...]]) -> str:
    """Format rows as left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines) + "\n"


def format_duration(duration: float) -> str:
    """Format seconds as M:SS."""
    minutes, seconds_left = divmod(round(duration), 60)
    return f"{minutes}:{seconds_left:02d}"
