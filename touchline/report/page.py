"""`report.html`: what the models can do, and how they go about it, in one offline file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from touchline.records import Clip, Question, Trajectory
from touchline.report import bars, confusion, verdict
from touchline.report.cards import card, pick, tally
from touchline.report.curves import curves
from touchline.report.template import Pictures, write_page

SLICES = {"Sport": "sports", "Source": "sources", "Length of the clip": "lengths"}
Logs = Mapping[str, Sequence[Mapping[str, Any]]]


def write_report(
    path: Path,
    *,
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    answers: Mapping[str, Sequence[Trajectory]],
    scores: Mapping[str, Any],
    frames: Callable[[Clip, float], Image],
    logs: Logs,
    about: Mapping[str, Mapping[str, Any]],
    zero: Callable[[Clip], float] = lambda clip: 0.0,
    withheld: Collection[str],
    player: bool = True,
) -> None:
    """Write the page.

    `answers` per candidate in the order to show, floors first; `scores` from
    `metrics.scores.report`; `frames` gives the picture at a time of a clip; `logs` has the rows of
    a model's `log.jsonl`, {} shows none; `about` is {TITLE: {KEY: VALUE}}; `zero` is what
    the clock of the answers shows at a clip's first frame. Of clips under the terms `withheld` only
    times and scores are shown. `player` says whether player.html will stand beside it.
    """
    models = verdict.models(scores)
    given = {name: {row.question: row for row in rows} for name, rows in answers.items()}
    pictures = Pictures(frames, withheld)
    asked = [q for q in questions.values() if any(q.id in found for found in given.values())]
    picked = pick(asked, given, models) if models else []
    cards = [
        card(found, clips[found.clip], given, pictures, zero(clips[found.clip])) for found in picked
    ]
    shown = [name for name in answers if not name.startswith("floor.")]
    write_page(
        path,
        "report.html",
        confusions={
            "choice": confusion.of_choice(asked, given, shown, clips, withheld),
            "spotting": confusion.of_spotting(
                asked, given, shown, lambda question: zero(clips[question.clip])
            ),
        },
        pictures=pictures.css(),
        cards=cards,
        shown=tally(cards),
        hidden=sum(found.hidden for found in cards),
        curves={name: curves(rows) for name, rows in logs.items()},
        about=about,
        player=player,
        **_numbers(scores, models),
    )


def _numbers(scores: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    found = verdict.verdicts(scores)
    tasks = [v.task for v in found]
    return {
        "summary": verdict.summary(scores),
        "verdicts": found,
        "candidates": list(scores["candidates"]),
        "called": {name: verdict.name(name) for name in scores["candidates"]},
        "panels": {task: bars.panels(scores, task) for task in tasks},
        "actions": bars.by_action(scores, models),
        "slices": {title: bars.by_slice(scores, key) for title, key in SLICES.items()},
        "occurring": bars.table({"candidates": scores["without_negatives"]}, "spotting"),
        "tables": {task: bars.table(scores, task) for task in tasks},
        "differences": scores["differences"],
        "necessity": bars.necessity(scores.get("necessity", {})),
        "necessity_of": scores.get("necessity", {}),
        "matches": scores["matches"],
        "few": verdict.FEW,
    }
