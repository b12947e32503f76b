"""Score SoccerNet's action spotting: `results_spotting.json` per game, by Average-mAP.

Format: that of SoccerNet's challenges (github.com/SilvioGiancola/SoccerNetv2-DevKit). Every game
that has `Labels-v2.json` counts; one without predictions counts as one where nothing was found.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from touchline.errors import InputError
from touchline.metrics.average_map import (
    LOOSE_TOLERANCES,
    TIGHT_TOLERANCES,
    LabelledAction,
    PredictedAction,
    compute_average_maps,
)
from touchline.progress import track_progress
from touchline.sources.readers import load_json_file
from touchline.sources.soccernet.labels_v2 import parse_annotation_time
from touchline.sports.soccer import WORDS

LABELS = "Labels-v2.json"
RESULTS = "results_spotting.json"
METRICS = {"loose": LOOSE_TOLERANCES, "tight": TIGHT_TOLERANCES}
EVERY = 60  # seconds between two guesses of the floor
FLOOR = "floor.every_minute"  # each class in each minute: what never looking scores

Spot = TypeVar("Spot", LabelledAction, PredictedAction)


def score(predictions: Path, labels: Path, name: str) -> dict[str, Any]:
    """{candidates: {NAME: {loose, tight: {all, shown, unshown: {mean, per_name}}}}, games, ...}.

    Raises `InputError` naming file and row for what is not in the format, for predictions of a game
    that has no labels, and where there is not one prediction.
    """
    games = _games(labels, LABELS)
    given = _games(predictions, RESULTS)
    strange = sorted(given.keys() - games.keys())
    if strange:
        raise InputError(given[strange[0]], f"has no {LABELS} below {labels}", "fetch its labels")
    truths = _spots(games, "annotations", _truth)
    guesses = _spots(given, "predictions", _guess)
    if not guesses:
        raise InputError(predictions, "holds not one prediction", "is it the right folder?")
    lists = {FLOOR: _every_minute(truths), name: guesses}
    found = {
        who: compute_average_maps(truths, made, list(WORDS), METRICS) for who, made in lists.items()
    }
    return {
        "candidates": {who: _plain(scores) for who, scores in found.items()},
        "games": len(games),
        "unanswered": sorted(games.keys() - given.keys()),
        "labels": len(truths),
        "predictions": len(guesses),
    }


def _games(folder: Path, name: str) -> dict[str, Path]:
    """{league/season/game: its file}."""
    found = {f.parent.relative_to(folder).as_posix(): f for f in sorted(folder.rglob(name))}
    if not found:
        raise InputError(
            folder, f"holds no {name}", "name the folder that holds league/season/game"
        )
    return found


def _spots(files: dict[str, Path], key: str, read: Callable[[str, str, Any], Spot]) -> list[Spot]:
    found = []
    for game, file in track_progress(files.items(), key):
        rows = load_json_file(file, key, list)
        found += [read(f"{file}: {key}[{at}]", game, row) for at, row in enumerate(rows)]
    return found


def _truth(place: str, game: str, row: Any) -> LabelledAction:
    half, milliseconds = parse_annotation_time(place, row)
    shown = row.get("visibility") != "not shown"
    return LabelledAction(f"{game}/{half}", _label(place, row), milliseconds / 1000, shown)


def _guess(place: str, game: str, row: Any) -> PredictedAction:
    half, milliseconds = parse_annotation_time(place, row)
    return PredictedAction(
        f"{game}/{half}", _label(place, row), milliseconds / 1000, _sure(place, row)
    )


def _label(place: str, row: Any) -> str:
    label = row.get("label")
    if not isinstance(label, str) or label not in WORDS:
        raise InputError(
            f"{place}.label", f"{str(label)[:40]!r} is no class", f"of {', '.join(WORDS)}"
        )
    return label


def _sure(place: str, row: Any) -> float:
    """The confidence, which SoccerNet's own baselines write as text."""
    try:
        sure = float(row.get("confidence"))
    except (TypeError, ValueError):
        sure = math.nan
    if not 0 <= sure <= 1:
        wrong = f"{str(row.get('confidence'))[:40]!r} is not from 0 to 1"
        raise InputError(f"{place}.confidence", wrong, "scale confidences to that")
    return sure


def _every_minute(truths: Sequence[LabelledAction]) -> list[PredictedAction]:
    ends: dict[str, float] = {}
    for truth in truths:
        ends[truth.half] = max(ends.get(truth.half, 0.0), truth.time)
    return [
        PredictedAction(half, name, float(time), 1.0)
        for half, end in ends.items()
        for time in range(EVERY // 2, int(end) + EVERY, EVERY)
        for name in WORDS
    ]


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {
        metric: {view: average._asdict() for view, average in views.items()}
        for metric, views in found.items()
    }
