"""Which transcript of a half is read: SoccerNet-Echoes has up to five, none of them complete."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.sources.readers import load
from touchline.sources.source import Fault

FILES = ("1_asr.json", "2_asr.json")


@dataclass(frozen=True)
class Transcript:
    """A file of one half that says something; `end` is when, in seconds of the half."""

    file: Path
    origin: str  # variant and name of the file
    end: float


@dataclass
class Heard:
    """The transcripts of a game by half, and the files that cannot be read."""

    by_part: dict[str, Transcript] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def choose(game: Path, match: str, order: Sequence[str]) -> Heard:
    """For each half by itself, the first variant in `order` whose file has any line.

    A file that is missing or empty is passed over, as many are; one that cannot be read is a
    fault of its own, and the next variant is taken.
    """
    heard = Heard()
    for name in FILES:
        for variant in order:
            file = game / variant / name
            try:
                end = _end(file) if file.is_file() else 0.0
            except BadInput as why:
                heard.faults.append(Fault(f"{match}/{name[0]}/{variant}/{name}", why))
                continue
            if end > 0:
                heard.by_part[name[0]] = Transcript(file, f"{variant}/{name}", end)
                break
    return heard


def _end(file: Path) -> float:
    """When the last line ends, of those that are lines at all; 0 when there is none."""
    return max((_time(row) for row in load(file, "segments", dict).values()), default=0.0)


def _time(row: Any) -> float:
    fine = isinstance(row, list) and len(row) == 3 and isinstance(row[1], int | float)
    return float(row[1]) if fine and math.isfinite(row[1]) else 0.0
