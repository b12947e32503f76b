"""Choose which transcript of a half to read: SoccerNet-Echoes has up to five variants, none of them
complete.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.sources.readers import load_json_file
from touchline.sources.source import RowFault

TRANSCRIPT_FILES = ("1_asr.json", "2_asr.json")


@dataclass(frozen=True)
class Transcript:
    """A non-empty transcript file of one half; `end` is when its last line ends, in seconds of the
    half.
    """

    file: Path
    origin: str  # variant and name of the file
    end: float


@dataclass
class GameTranscripts:
    """The chosen transcript of each half of a game, and the files that cannot be read."""

    by_part: dict[str, Transcript] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)


def choose_transcripts(game: Path, match: str, order: Sequence[str]) -> GameTranscripts:
    """Choose for each half the first variant in `order` whose file has any line.

    Missing and empty files are skipped, which is common. An unreadable file is recorded as a fault,
    and the next variant is tried.
    """
    transcripts = GameTranscripts()
    for name in TRANSCRIPT_FILES:
        for variant in order:
            file = game / variant / name
            try:
                end = _last_segment_end(file) if file.is_file() else 0.0
            except InputError as why:
                transcripts.faults.append(RowFault(f"{match}/{name[0]}/{variant}/{name}", why))
                continue
            if end > 0:
                transcripts.by_part[name[0]] = Transcript(file, f"{variant}/{name}", end)
                break
    return transcripts


def _last_segment_end(file: Path) -> float:
    """When the last line ends, of those that are lines at all; 0 when there is none."""
    return max(
        (_segment_end(row) for row in load_json_file(file, "segments", dict).values()), default=0.0
    )


def _segment_end(row: Any) -> float:
    fine = isinstance(row, list) and len(row) == 3 and isinstance(row[1], int | float)
    return float(row[1]) if fine and math.isfinite(row[1]) else 0.0
