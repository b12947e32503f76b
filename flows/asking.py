"""Let a candidate answer the benchmark in a process of its own, unless its answers are here."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import touchline
from flows import launch, settings
from flows.night import Going
from flows.perform import BAR
from touchline.faults import BadInput
from touchline.nights import kept
from touchline.nights.ask import BLANK, MODEL
from touchline.nights.record import Model
from touchline.records import Trajectory, read

FLOORS = "floors"  # what stands for a model's digest where there is none
# The code that decides what a model answers; a change of it asks all candidates again.
SPEAKS = ("student", "tools", "tasks", "prompts", "video", "dialogue.py", "floors.py", "clock.py")


def file(going: Going, md5: str) -> Path:
    """Where the answers of these weights to this benchmark lie, by this code."""
    text = json.dumps([md5, going.night.benchmark["digest"], _code()])
    return going.folder / "answers" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.parquet"


def answers(going: Going, model: Model | None, say: Callable[[str], None]) -> Path:
    """The file with the answers of a model, or of the floors; a `BadInput` says why there is none.

    What a killed night asked already is not asked again.
    """
    made = file(going, model.md5 if model else FLOORS)
    if made.is_file():
        return made
    argv = [sys.executable, "-m", "touchline.nights.ask"]
    argv += ["--benchmark", str(going.asked.folder), "--answers", str(made)]
    argv += ["--model", str(going.restored(model))] if model else []
    env = settings.stage(going.root, _code_root(), {})
    heard = Ear(going.log, say)
    outcome = launch.run(argv, going.root, env, heard, [going.lock])
    if outcome.status or not made.is_file():
        raise heard.fault(model.name if model else FLOORS, outcome.status)
    return made


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


def authors(made: Path) -> list[str]:
    """Whose answers a file holds."""
    return list(dict.fromkeys(row.author for row in read(made, Trajectory)))


def of_model(made: Path) -> tuple[list[Trajectory], list[Trajectory]]:
    """(the model's rows, its rows on black frames)."""
    return kept.load(made, MODEL), kept.load(made, BLANK)


def _code_root() -> Path:
    return Path(touchline.__file__).parents[1]


def _code() -> str:
    """The digest of the code that speaks."""
    said, room = hashlib.sha256(), Path(touchline.__file__).parent
    for name in SPEAKS:
        place = room / name
        for part in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if part.suffix in (".py", ".txt"):
                said.update(str(part.relative_to(room)).encode() + part.read_bytes())
    return said.hexdigest()
