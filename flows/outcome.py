"""The sentences about how a run ended."""

from flows import pipeline, record
from flows.record import Record
from flows.run import Run


def tally(run: Record) -> str:
    """How many stages met which fate."""
    counts = {state: run.count(state) for state in ("Ran", "Restored", "Unchanged")}
    return ", ".join(f"{count} {state.lower()}" for state, count in counts.items())


def nothing_to_do(run: Run) -> str:
    """The sentence of an idle run; it names the run that made what is there, if one did."""
    since = last_with(run)
    tail = f" since run {since.id}" if since else ""
    return f"nothing to do: all {len(run.steps)} stages unchanged{tail}"


def last_with(run: Run) -> Record | None:
    """The last completed run that ended with the products of now."""
    names = [step.name for step in run.steps]
    now = {n: pipeline.describe(run.folder, n, "Unchanged").products for n in names}
    for one in reversed(record.every(run.root)):
        there = {n: one.stages[n].products for n in names if n in one.stages}
        if one.state == "completed" and there == now:
            return one
    return None


def closing(run: Record) -> str:
    """The last line of a run that was not idle."""
    if run.state == "completed":
        return f"run {run.id} completed: {tally(run)}; `touchline show {run.id}` tells all"
    return f"run {run.id} {run.state}: {run.error}"
