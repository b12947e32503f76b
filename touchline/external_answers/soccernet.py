"""Score SoccerNet action spotting: `results_spotting.json` per game, by Average-mAP.

The format is that of SoccerNet's challenges (github.com/SilvioGiancola/SoccerNetv2-DevKit). Every
game with `Labels-v2.json` counts; one without predictions counts as having found nothing.
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

LABELS_FILE = "Labels-v2.json"
RESULTS_FILE = "results_spotting.json"
MAP_TOLERANCES = {"loose": LOOSE_TOLERANCES, "tight": TIGHT_TOLERANCES}
FLOOR_INTERVAL = 60  # seconds between two guesses of the floor
FLOOR_NAME = "floor.every_minute"  # each class in each minute: what never looking scores

Action = TypeVar("Action", LabelledAction, PredictedAction)


def score_soccernet_spotting(predictions: Path, labels: Path, name: str) -> dict[str, Any]:
    """{candidates: {NAME: {loose, tight: {all, shown, unshown: {mean, per_name}}}}, games, ...}.

    Raises `InputError` naming file and row for malformed rows, for predictions of a game without
    labels, and if there are no predictions.
    """
    label_files = _find_game_files(labels, LABELS_FILE)
    prediction_files = _find_game_files(predictions, RESULTS_FILE)
    unlabelled = sorted(prediction_files.keys() - label_files.keys())
    if unlabelled:
        raise InputError(
            prediction_files[unlabelled[0]],
            f"has no {LABELS_FILE} below {labels}",
            "fetch its labels",
        )
    truths = _read_actions(label_files, "annotations", _parse_label)
    guesses = _read_actions(prediction_files, "predictions", _parse_prediction)
    if not guesses:
        raise InputError(predictions, "holds not one prediction", "is it the right folder?")
    predictions_by_candidate = {FLOOR_NAME: _predict_every_minute(truths), name: guesses}
    metrics = {
        candidate: compute_average_maps(truths, predicted, list(WORDS), MAP_TOLERANCES)
        for candidate, predicted in predictions_by_candidate.items()
    }
    return {
        "candidates": {candidate: _to_plain_dict(scores) for candidate, scores in metrics.items()},
        "games": len(label_files),
        "unanswered": sorted(label_files.keys() - prediction_files.keys()),
        "labels": len(truths),
        "predictions": len(guesses),
    }


def _find_game_files(folder: Path, name: str) -> dict[str, Path]:
    """{league/season/game: path of its file}. Raises `InputError` if there is none."""
    files = {f.parent.relative_to(folder).as_posix(): f for f in sorted(folder.rglob(name))}
    if not files:
        raise InputError(
            folder, f"holds no {name}", "name the folder that holds league/season/game"
        )
    return files


def _read_actions(
    files: dict[str, Path], key: str, read: Callable[[str, str, Any], Action]
) -> list[Action]:
    actions = []
    for game, file in track_progress(files.items(), key):
        rows = load_json_file(file, key, list)
        actions += [read(f"{file}: {key}[{at}]", game, row) for at, row in enumerate(rows)]
    return actions


def _parse_label(place: str, game: str, row: Any) -> LabelledAction:
    half, milliseconds = parse_annotation_time(place, row)
    shown = row.get("visibility") != "not shown"
    return LabelledAction(f"{game}/{half}", _parse_class(place, row), milliseconds / 1000, shown)


def _parse_prediction(place: str, game: str, row: Any) -> PredictedAction:
    half, milliseconds = parse_annotation_time(place, row)
    return PredictedAction(
        f"{game}/{half}",
        _parse_class(place, row),
        milliseconds / 1000,
        _parse_confidence(place, row),
    )


def _parse_class(place: str, row: Any) -> str:
    label = row.get("label")
    if not isinstance(label, str) or label not in WORDS:
        raise InputError(
            f"{place}.label", f"{str(label)[:40]!r} is not a class", f"of {', '.join(WORDS)}"
        )
    return label


def _parse_confidence(place: str, row: Any) -> float:
    """The confidence from 0 to 1; SoccerNet's own baselines write it as text."""
    try:
        confidence = float(row.get("confidence"))
    except (TypeError, ValueError):
        confidence = math.nan
    if not 0 <= confidence <= 1:
        wrong = f"{str(row.get('confidence'))[:40]!r} is not from 0 to 1"
        raise InputError(f"{place}.confidence", wrong, "scale confidences to that")
    return confidence


def _predict_every_minute(truths: Sequence[LabelledAction]) -> list[PredictedAction]:
    """The floor's predictions: every class once in each minute of each half."""
    ends: dict[str, float] = {}
    for truth in truths:
        ends[truth.half] = max(ends.get(truth.half, 0.0), truth.time)
    return [
        PredictedAction(half, name, float(time), 1.0)
        for half, end in ends.items()
        for time in range(FLOOR_INTERVAL // 2, int(end) + FLOOR_INTERVAL, FLOOR_INTERVAL)
        for name in WORDS
    ]


def _to_plain_dict(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        metric: {view: average._asdict() for view, average in views.items()}
        for metric, views in metrics.items()
    }
