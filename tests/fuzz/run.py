"""Open a kind of door many times: what came of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from unittest.mock import patch

import jinja2

from tests.fuzz.doors import DOORS
from tests.fuzz.watch import Seen, tried


def fuzz(kind: str, folder: Path, count: int, seed: int = 0, first: int = 0) -> Seen:
    """Cases `first` to `first + count` of a seed; each is made again by its number alone."""
    seen, own, room = Seen(), folder / "own", folder / "room"
    own.mkdir(parents=True)
    with alone(folder, room):
        make = DOORS[kind](own)
        for number in range(first, first + count):
            room.mkdir()
            random = Random(f"{kind} {seed} {number}")
            name, door = make(room, random)
            tried(f"{kind} case {number} of seed {seed} ({name})", door, room, seen)
            shutil.rmtree(room)
    left = sorted({path.name for path in folder.iterdir()} - {"own"})
    seen.wrong += [f"left beside the folder: {name}" for name in left]
    return seen


@contextmanager
def alone(folder: Path, room: Path) -> Iterator[None]:
    """Relative folders count from the room, nothing is fetched elsewhere, no progress is shown."""
    given = {"TOUCHLINE_RAW": str(room), "TOUCHLINE_DOWNLOADS": str(room / "downloads")}
    before = {name: os.environ.get(name) for name in given}
    os.environ |= given
    compiled = cache(jinja2.Environment.compile)
    try:
        with redirect_stderr(StringIO()), patch.object(jinja2.Environment, "compile", compiled):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
