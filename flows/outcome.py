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
    made = pipeline.products(run.folder)
    now = {step.name: made.get(step.name) for step in run.steps}
    for one in reversed(record.every(run.root)):
        there = {name: one.stages[name].products for name in now if name in one.stages}
        if one.state == "completed" and there == now:
            return one
    return None


def closing(run: Record) -> str:
    """The last line of a run that was not idle."""
    if run.state == "completed":
        unsent = f"\nnot sent: {run.unsent}; `touchline push` does it" if run.unsent else ""
        return f"run {run.id} completed: {tally(run)}; `touchline show {run.id}` tells all{unsent}"
    return f"run {run.id} {run.state}: {run.error}"
