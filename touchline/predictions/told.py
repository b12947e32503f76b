"""Scores as lines for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from touchline.metrics.scores import HEADLINE, headline
from touchline.report import verdict


def of_answers(measured: Mapping[str, Any], name: str) -> str:
    """The first number of each task, floors above, and a sentence per task."""
    rows = [("task", "candidate", "metric", "value", "95 %", "n")]
    for task in measured["candidates"][name]:
        for who, tasks in measured["candidates"].items():
            found = headline(tasks, task)
            spread = f"{found.low:.3f} to {found.high:.3f}"
            metric = HEADLINE.get(task, "accuracy")
            rows.append((task, who, metric, f"{found.value:.3f}", spread, str(found.n)))
    said = [found.sentence for found in verdict.verdicts(measured)]
    return "\n".join([*_table(rows), "", *said, *_left(measured)]) + "\n"


def _left(measured: Mapping[str, Any]) -> list[str]:
    said = []
    if measured["unanswered"]:
        total = measured["answered"] + measured["unanswered"]
        said.append(f"{measured['unanswered']} of {total} questions have no answer: counted wrong.")
    if measured["without_frames"]:
        count = measured["without_frames"]
        said.append(f"{count} questions without frames here are left out, as in evaluate.")
    return said


def of_spotting(measured: Mapping[str, Any]) -> str:
    """Loose and tight Average-mAP, over all, shown and unshown actions."""
    rows: list[Sequence[str]] = [("metric", "candidate", "all", "shown", "unshown")]
    for metric in ("loose", "tight"):
        for who, found in measured["candidates"].items():
            means = [f"{found[metric][view]['mean']:.6f}" for view in ("all", "shown", "unshown")]
            rows.append((metric, who, *means))
    said = f"{measured['games']} games, {measured['labels']} labels, "
    lines = [*_table(rows), "", f"{said}{measured['predictions']} predictions."]
    missing = len(measured["unanswered"])
    if missing:
        lines.append(f"{missing} games have no predictions: counted as nothing found.")
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
