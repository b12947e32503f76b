"""Have the answers of a candidate: what is kept is read here, the rest is asked in a process.

The process loads torch, this one never does; a killed one goes on behind its last whole batch.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import touchline
from flows import launch, settings
from flows.console import BAR
from flows.night import Going
from touchline.faults import BadInput
from touchline.nights import ask
from touchline.nights.record import Model
from touchline.nights.rows import Rows, load

FLOORS = "floors"  # the step of those that need no model
ASKED = ".asked.parquet"  # what a process hands back; a lock lets but one of them run


def floors(going: Going) -> Rows:
    """The answers of the floors that need no model: made anew each time, in no time."""
    return ask.rows(going.asked, ask.floors(going.asked), None)


def answers(going: Going, model: Model, say: Callable[[str], None], alone: bool = False) -> Rows:
    """The answers of a model and, unless `alone`, of its own floors.

    A `BadInput` says why there are none.
    """
    folder, line = going.restored(model), ask.line(going.asked, alone)
    if ask.known(going.asked, line, folder):
        return ask.rows(going.asked, line, folder)
    return _asked(going, model, folder, say, alone)


def known(going: Going, model: Model) -> bool:
    """Whether a model's answers are kept; those of weights that are gone are not."""
    try:
        folder = going.restored(model)
    except BadInput:
        return False
    return ask.known(going.asked, ask.line(going.asked, alone=True), folder)


def _asked(
    going: Going, model: Model, folder: Path, say: Callable[[str], None], alone: bool
) -> Rows:
    made = going.folder / "answers" / ASKED
    made.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "touchline.nights.ask", "--benchmark", str(going.asked.folder)]
    argv += ["--model", str(folder), "--answers", str(made), *(["--alone"] if alone else [])]
    env = settings.stage(going.root, Path(touchline.__file__).parents[1], {})
    heard = Ear(going.log, say)
    outcome = launch.run(argv, going.root, env, heard, [going.lock])
    if outcome.status or not made.is_file():
        raise heard.fault(model.name, outcome.status)
    rows = load(made)
    made.unlink()
    return rows


class Ear:
    """Hears the lines of a candidate's process, and keeps them."""

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
        self.log, self.say, self.last = log, say, ""

    def __call__(self, line: str) -> None:
        line = BAR.sub("", line.split("\r")[-1]).rstrip()
        if not line:
            return
        with self.log.open("a") as stream:
            stream.write(f"{line}\n")
        self.last = line
        self.say(line)

    def fault(self, name: str, status: int) -> BadInput:
        wrong = self.last.removeprefix("error: ") or f"ended with status {status}"
        return BadInput(name, f"could not be asked ({wrong})", f"see {self.log.name}")
