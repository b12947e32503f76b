"""`touchline bisect`: the first run in the lineage where a score fell, and what changed there."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flows.nightly import ask, lineup, session
from flows.nightly.ask_process import MODEL
from flows.nightly.record import Model
from flows.nightly.score import paired
from flows.nightly.session import Going
from flows.runs import overrides, terminal, worktree
from flows.runs import record as runs
from flows.runs.record import Record
from flows.services import environment
from touchline.errors import BadInput
from touchline.metrics import bootstrap, scores
from touchline.metrics.bootstrap import Estimate, Side
from touchline.metrics.overall import headlines
from touchline.metrics.scores import HEADLINE

Run = TypeVar("Run")


def first_bad(runs: Sequence[Run], bad: Callable[[Run], bool]) -> int:
    """The place of the first bad one between runs[0], which is good, and runs[-1], which is bad.

    Asks about log2(n) runs; where the score fell, rose and fell again, one of the falls is found.
    """
    if len(runs) < 2:
        raise BadInput("bisect", "needs a good run and a later bad one", "see `touchline runs`")
    good, fallen = 0, len(runs) - 1
    while fallen - good > 1:
        middle = (good + fallen) // 2
        good, fallen = (good, middle) if bad(runs[middle]) else (middle, fallen)
    return fallen


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by key: (before, after), None where a side lacks it."""
    return {
        key: (before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


OVERALL = "overall"
LOSSES = ("error",)  # metrics that are better when they are lower


def search(root: Path, metric: str, good: str, bad: str, as_json: bool) -> int:
    """Find it and say it; a `BadInput` says why there is nothing to find."""
    environment.prepare(root)
    with session.borrowed(root) as going:
        lineup.pin(going)
        line = lineup.lineage(root, going.nightly.models[-1:])
        if len(line) < 2:
            raise BadInput("bisect", f"the lineage has {len(line)} models", "it takes two")
        fall = Fall(going, metric)
        last = _place(root, line, bad) if bad else len(line) - 1
        first = _place(root, line, good) if good else fall.better_before(line, last)
        fall.demand(line[first], line[last])
        place = first + first_bad(line[first : last + 1], lambda one: fall.fell(line[first], one))
        found = fall.told(line[first], line[place - 1], line[place])
    terminal.say(runs.as_json(found) if as_json else _words(found))
    return 0


def _place(root: Path, line: list[Model], wanted: str) -> int:
    """Where the model of a run stands; equal weights stand where they were first made."""
    run = runs.find(root, wanted)
    made = {file.md5 for file in run.products}
    found = [at for at, model in enumerate(line) if model.md5 in made]
    if not found:
        raise BadInput(f"run {run.id}", "made no model that takes part", "see nightly.models")
    return found[0]


class Fall:
    """One metric of the models of a lineage; asks a model only when its answers are not here."""

    def __init__(self, going: Going, metric: str) -> None:
        self.going, self.metric = going, metric
        self.task, _, self.name = metric.partition(".")
        self.known: dict[str, Side] = {}
        self.asked: list[str] = []

    def side(self, model: Model) -> Side:
        if model.md5 not in self.known:
            if not ask.known(self.going, model):
                self.asked.append(model.name)
            say = partial(terminal.say, passing=True)
            rows = ask.answers(self.going, model, say, alone=True)[MODEL]
            self.known[model.md5] = self._side(paired(self.going, rows))
        return self.known[model.md5]

    def _side(self, rows: scores.Rows) -> Side:
        judge = self.going.asked.judge
        if self.task == OVERALL:
            return headlines(rows, judge).side()
        found = scores.sides(rows, judge)
        name = self.name or HEADLINE.get(self.task, "accuracy")
        if name not in found.get(self.task, {}):
            known = [OVERALL, *(f"{task}.{one}" for task, given in found.items() for one in given)]
            raise BadInput(
                self.metric, "there is no such metric here", f"known: {', '.join(known)}"
            )
        return found[self.task][name]

    def change(self, before: Model, after: Model) -> Estimate:
        seed = self.going.asked.evaluate["seed"]
        return bootstrap.difference(self.side(after), self.side(before), seed)

    def fell(self, before: Model, after: Model) -> bool:
        """A loss beyond the interval, paired over matches."""
        found = self.change(before, after)
        return found.low > 0 if self.name in LOSSES else found.high < 0

    def better_before(self, line: list[Model], last: int) -> int:
        """The last model with stored answers from which the bad one has fallen."""
        stored = [at for at in range(last) if ask.known(self.going, line[at])]
        found = [at for at in stored if self.fell(line[at], line[last])]
        if not found:
            wrong = f"{line[last].name} is below none of the {len(stored)} models evaluated before"
            raise BadInput(f"bisect {self.metric}", wrong, "name a better one with --good RUN")
        return found[-1]

    def demand(self, good: Model, bad: Model) -> None:
        if not self.fell(good, bad):
            gap = _spread(self.change(good, bad))
            wrong = f"from {good.name} to {bad.name} it did not fall beyond its interval ({gap})"
            raise BadInput(f"bisect {self.metric}", wrong, "there is nothing to find")

    def told(self, good: Model, before: Model, after: Model) -> dict[str, Any]:
        """What is known about the fall."""
        root = self.going.root
        return {
            "metric": self.metric,
            "good": good.name,
            "last good": before.name,
            "first bad": after.name,
            "change": self.change(before, after)._asdict(),
            "since good": self.change(good, after)._asdict(),
            "evaluated": self.asked,
            "changed": differences(root, runs.find(root, before.run), runs.find(root, after.run)),
        }


def differences(root: Path, before: Record, after: Record) -> dict[str, Any]:
    """Commits, parameters, data and packages that differ between two runs."""
    return {
        "commits": _commits(root, before.commit, after.commit),
        "difference": changed({"patch": before.difference}, {"patch": after.difference}),
        "params": changed(overrides.flat(before.params), overrides.flat(after.params)),
        "data": changed(_data(before), _data(after)),
        "packages": changed(before.versions, after.versions),
    }


def _commits(root: Path, before: str, after: str) -> list[str]:
    if before == after:
        return []
    try:
        return worktree.git(root, "log", "--oneline", f"{before}..{after}").splitlines() or [after]
    except Exception:  # a commit that only the other machine has
        return [after]


def _data(run: Record) -> dict[str, str]:
    """The digest of every product, in the order of the stages."""
    return {file.path: file.md5 for file in run.products}


def _words(found: dict[str, Any]) -> str:
    change = _spread(Estimate(**found["change"]))
    lines = [
        f"{found['metric']} fell with {found['first bad']}: {change} against {found['last good']}"
    ]
    if found["evaluated"]:
        lines.append(f"evaluated for this: {', '.join(found['evaluated'])}")
    parts = found["changed"]
    lines += [f"  commit   {line}" for line in parts["commits"]]
    lines += ["  code     uncommitted changes differ"] if parts["difference"] else []
    lines += [f"  param    {key}: {a} -> {b}" for key, (a, b) in parts["params"].items()]
    lines += [f"  product  {key}: {a} -> {b}" for key, (a, b) in parts["data"].items()]
    lines += [f"  package  {key}: {a} -> {b}" for key, (a, b) in parts["packages"].items()]
    if not any(parts.values()):
        lines.append("  nothing that is recorded differs: hardware or chance")
    return "\n".join(lines)


def _spread(given: Estimate) -> str:
    return f"{given.value:+.3f} ({given.low:+.3f} to {given.high:+.3f})"
