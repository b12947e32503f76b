"""Write `report.html`: scores of all candidates and examples of their attempts, in one offline
file.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from touchline.html_page.template import FrameStylesheet, write_html_page
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.report import bars, confusion, verdict
from touchline.report.cards import build_clip_card, count_pick_reasons, pick_report_clips
from touchline.report.curves import build_training_curves

SLICES = {"Sport": "sports", "Source": "sources", "Length of the clip": "lengths"}
TrainingLogs = Mapping[str, Sequence[Mapping[str, Any]]]


def write_evaluation_report(
    path: Path,
    *,
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    answers: Mapping[str, Sequence[Trajectory]],
    scores: Mapping[str, Any],
    frames: Callable[[Clip, float], Image],
    logs: TrainingLogs,
    about: Mapping[str, Mapping[str, Any]],
    zero: Callable[[Clip], float] = lambda clip: 0.0,
    withheld: Collection[str],
    player: bool = True,
) -> None:
    """Write the evaluation report to `path`.

    `answers`: rows per candidate in display order, floors first. `scores`: as from
    `metrics.scores.report`. `frames(clip, time)` returns the picture. `logs`: rows of each model's
    `log.jsonl`; may be empty. `about`: {title: {key: value}}. `zero(clip)`: clock time of the
    clip's first frame. For clips under licence terms in `withheld` only times and scores are shown.
    `player`: player.html will stand next to it.
    """
    models = verdict.list_model_names(scores)
    answers_by_candidate = {
        name: {row.question: row for row in rows} for name, rows in answers.items()
    }
    pictures = FrameStylesheet(frames, withheld)
    asked_questions = [
        q
        for q in questions.values()
        if any(q.id in entry for entry in answers_by_candidate.values())
    ]
    picked = pick_report_clips(asked_questions, answers_by_candidate, models) if models else []
    cards = [
        build_clip_card(
            entry, clips[entry.clip], answers_by_candidate, pictures, zero(clips[entry.clip])
        )
        for entry in picked
    ]
    shown = [name for name in answers if not name.startswith("floor.")]
    write_html_page(
        path,
        Path(__file__).with_name("report.html"),
        confusions={
            "choice": confusion.build_choice_confusion(
                asked_questions, answers_by_candidate, shown, clips, withheld
            ),
            "spotting": confusion.build_spotting_confusion(
                asked_questions,
                answers_by_candidate,
                shown,
                lambda question: zero(clips[question.clip]),
            ),
        },
        pictures=pictures.css(),
        cards=cards,
        shown=count_pick_reasons(cards),
        hidden=sum(entry.hidden for entry in cards),
        curves={name: build_training_curves(rows) for name, rows in logs.items()},
        about=about,
        player=player,
        **_score_context(scores, models),
    )


def _score_context(scores: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    task_verdicts = verdict.build_task_verdicts(scores)
    tasks = [v.task for v in task_verdicts]
    return {
        "summary": verdict.summarise_verdicts(scores),
        "verdicts": task_verdicts,
        "candidates": list(scores["candidates"]),
        "called": {name: verdict.name_candidate(name) for name in scores["candidates"]},
        "panels": {task: bars.build_score_panels(scores, task) for task in tasks},
        "actions": bars.build_action_bars(scores, models),
        "slices": {title: bars.list_slice_headlines(scores, key) for title, key in SLICES.items()},
        "occurring": bars.build_score_table(
            {"candidates": scores["without_negatives"]}, "spotting"
        ),
        "tables": {task: bars.build_score_table(scores, task) for task in tasks},
        "differences": scores["differences"],
        "necessity": bars.build_tool_panels(scores.get("necessity", {})),
        "necessity_of": scores.get("necessity", {}),
        "matches": scores["matches"],
        "few": verdict.FEW_MATCHES,
    }
