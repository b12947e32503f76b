"""Have the answers of a candidate: what is kept is read here, the rest is asked in a process.

The process loads torch, this one never does; a killed one goes on behind its last whole batch.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import touchline
from flows.nightly import ask_process
from flows.nightly.answers import Rows, load
from flows.nightly.record import Model
from flows.nightly.session import Going
from flows.runs import supervised
from flows.runs.terminal import BAR
from flows.services import environment
from touchline.errors import BadInput

FLOORS = "floors"  # the step of those that need no model
ASKED = ".asked.parquet"  # what a process hands back; a lock lets but one of them run


def floors(going: Going) -> Rows:
    """The answers of the floors that need no model: made anew each time, in no time."""
    return ask_process.rows(going.asked, ask_process.floors(going.asked), None)


def answers(going: Going, model: Model, say: Callable[[str], None], alone: bool = False) -> Rows:
    """The answers of a model and, unless `alone`, of its own floors.

    A `BadInput` says why there are none.
    """
    folder, line = going.restored(model), ask_process.line(going.asked, alone)
    if ask_process.known(going.asked, line, folder):
        return ask_process.rows(going.asked, line, folder)
    return _asked(going, model, folder, say, alone)


def known(going: Going, model: Model) -> bool:
    """Whether a model's answers are kept; those of weights that are gone are not."""
    try:
        folder = going.restored(model)
    except BadInput:
        return False
    return ask_process.known(going.asked, ask_process.line(going.asked, alone=True), folder)


def _asked(
    going: Going, model: Model, folder: Path, say: Callable[[str], None], alone: bool
) -> Rows:
    made = going.folder / "answers" / ASKED
    made.unlink(missing_ok=True)
    argv = [
        sys.executable,
        "-m",
        "flows.nightly.ask_process",
        "--benchmark",
        str(going.asked.folder),
    ]
    argv += ["--model", str(folder), "--answers", str(made), *(["--alone"] if alone else [])]
    env = environment.stage(going.root, Path(touchline.__file__).parents[2], {})
    heard = Ear(going.log, say)
    outcome = supervised.run(argv, going.root, env, heard, [going.lock])
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
