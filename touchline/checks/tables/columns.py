"""The tables that gates look at: records with what follows from them, one row each.

What spans several records (is the clip known, does the truth score 1.0) is worked out here, so
that a check is a plain statement about one column.
"""

import json
from collections.abc import Container, Mapping, Sequence
from itertools import pairwise
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory
from touchline.records.video import Video
from touchline.tasks import TASKS, choice, spotting

Row = dict[str, Any]
ROUNDING = 0.1  # seconds: times in words have one decimal
HALF = 0.5 + 1e-6  # seconds: the same for whole seconds


def clip_rows(clips: Sequence[Clip], videos: Mapping[str, Video]) -> list[Row]:
    """Clips against the videos they are cut from."""
    return [_clip(clip, videos.get(clip.video)) for clip in clips]


def _clip(clip: Clip, video: Video | None) -> Row:
    frame = 1 / video.fps if video is not None and video.fps else 0.0
    inside = video is not None and 0 <= clip.start < clip.end <= video.duration + frame
    return {
        "id": clip.id,
        "sport": clip.sport,
        "terms": clip.terms,
        "licence": clip.licence,
        "stored": clip.frames > 0 or (video is not None and not video.path),
        "of_its_match": video is not None and video.match == clip.match,
        "inside_video": inside,
    }


def caption_rows(
    captions: Sequence[Caption], clips: Mapping[str, Clip], dialogue: Dialogue
) -> list[Row]:
    """Captions against their clips; `ordered` compares with the caption before it.

    A line that keeps its own times need only overlap its clip.
    """
    fits = inside if dialogue.cut else _overlapping
    backwards = {
        after.id
        for before, after in pairwise(captions)
        if before.clip == after.clip and after.start < before.start
    }
    return [
        {
            "id": line.id,
            "text": line.text.strip(),
            "clip_known": line.clip in clips,
            "inside_clip": fits([line.start, line.end], clips.get(line.clip)),
            "ordered": line.id not in backwards,
        }
        for line in captions
    ]


def question_rows(
    questions: Sequence[Question], clips: Mapping[str, Clip], dialogue: Dialogue
) -> list[Row]:
    """Questions against their clips, their own truths and the split of their match."""
    splits: dict[tuple[str, str], set[str]] = {}
    for question in questions:
        splits.setdefault((question.sport, question.match), set()).add(question.split)
    return [
        {
            "id": question.id,
            "task": question.task,
            "sport": question.sport,
            "split": question.split,
            "text": question.text.strip(),
            "splits_of_match": len(splits[question.sport, question.match]),
            "inside_clip": inside(question.evidence, clips.get(question.clip)),
            "overlapping": question.split != "train" and _overlaps(clips.get(question.clip)),
            "truth_score": _truth_score(question),
            "truth_among_options": _among_options(question),
            "truth_has_evidence": _has_evidence(question, clips.get(question.clip), dialogue),
            "absent": float(question.task == "spotting" and not question.evidence),
        }
        for question in questions
    ]


def trajectory_rows(
    attempts: Sequence[Trajectory],
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    budget: FrameBudget,
    judged: Container[str] = (),
) -> list[Row]:
    """Attempts against their questions, their clips and the frame budget.

    `judged` are the ids of those that a judge takes for right, whatever their task's own score.
    """
    rows = [_attempt(one, questions.get(one.question), clips, budget) for one in attempts]
    right = {"score": 1.0, "score_again": 1.0}
    return [row | right if row["id"] in judged else row for row in rows]


def _attempt(
    attempt: Trajectory, asked: Question | None, clips: Mapping[str, Clip], budget: FrameBudget
) -> Row:
    return {
        "id": attempt.id,
        "task": attempt.task,
        "train": attempt.split == "train" and (asked is None or asked.split == "train"),
        "question_known": asked is not None,
        "valid": attempt.valid,
        "score": attempt.score,
        "score_again": -1.0 if asked is None else _score(asked, attempt.answer),
        "inside_clip": inside(attempt.windows, clips.get(asked.clip) if asked else None),
        "frames_left": budget.max_frames - attempt.frames,
        "pictures_agree": _pictures(attempt.messages) == attempt.frames,
        "calls": len(attempt.windows) // 2,
    }


def share_rows(attempts: Sequence[Trajectory], questions: Sequence[Question]) -> list[Row]:
    """One row per task that training questions ask: its share of the accepted attempts."""
    tasks = sorted({question.task for question in questions if question.split == "train"})
    counts = {task: sum(attempt.task == task for attempt in attempts) for task in tasks}
    return [{"id": task, "share": counts[task] / max(len(attempts), 1)} for task in tasks]


def inside(times: Sequence[float], clip: Clip | None) -> bool:
    """Whether start, end, start, end ... are ordered pairs within the clip."""
    if clip is None or len(times) % 2:
        return False
    length = clip.end - clip.start + ROUNDING
    return all(0 <= start <= end <= length for start, end in pair_times(times))


def _score(question: Question, answer: str) -> float:
    return TASKS[question.task].score(answer, question.truth) if question.task in TASKS else 0.0


def _truth_score(question: Question) -> float:
    return _score(question, question.truth)


def _among_options(question: Question) -> bool:
    """Whether the truth's letter stands for the very option that the truth names."""
    if question.task != "choice":
        return True
    place = choice.LETTERS.find(choice.parse_option_letter(question.truth) or "?")
    named = question.truth.partition(". ")[2]
    return 0 <= place < len(question.options) and question.options[place] == named


def _has_evidence(question: Question, clip: Clip | None, dialogue: Dialogue) -> bool:
    """Whether a spotting truth says in words what its evidence says in seconds.

    Evidence ends with its clip; a truth that does not is compared as far as the clip goes.
    """
    if question.task != "spotting" or len(question.evidence) % 2 or clip is None:
        return question.task != "spotting"
    zero, length = dialogue.clock_offset(clip), clip.end - clip.start
    shown = pair_times(question.evidence)
    if dialogue.cut:
        return question.truth == spotting.format_spotting_answer(question.action, shown, zero)
    said = spotting.parse_intervals(question.truth, zero)
    cut = [min(max(time, 0.0), length) for pair in said for time in pair]
    near = len(cut) == len(question.evidence) and all(
        abs(a - b) <= HALF for a, b in zip(cut, question.evidence, strict=True)
    )
    return near and question.truth == spotting.format_spotting_answer(question.action, said, zero)


def _overlapping(times: Sequence[float], clip: Clip | None) -> bool:
    start, end = times
    return clip is not None and start < end and start < clip.end - clip.start and end > 0


def _overlaps(clip: Clip | None) -> bool:
    return clip is not None and clip.overlaps


def _pictures(messages: str) -> int:
    """How many pictures the messages name; -1 when they are not messages at all."""
    try:  # what a teacher or a model wrote
        contents = [message["content"] for message in json.loads(messages)]
    except (ValueError, KeyError, TypeError):
        return -1
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return sum(block.get("type") == "image" for block in blocks)
