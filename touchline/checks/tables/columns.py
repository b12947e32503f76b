"""Build the tables that are checked: one row per record, with derived columns.

What spans several records (is the clip known, does the truth score 1.0) is computed here, so that
every check concerns one column.
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

TableRow = dict[str, Any]
TIME_TOLERANCE = 0.1  # seconds: times in words have one decimal
HALF_SECOND_TOLERANCE = 0.5 + 1e-6  # seconds: the same for whole seconds


def build_clip_rows(clips: Sequence[Clip], videos: Mapping[str, Video]) -> list[TableRow]:
    """One row per clip, checked against the video it is cut from."""
    return [_build_clip_row(clip, videos.get(clip.video)) for clip in clips]


def _build_clip_row(clip: Clip, video: Video | None) -> TableRow:
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


def build_caption_rows(
    captions: Sequence[Caption], clips: Mapping[str, Clip], dialogue: Dialogue
) -> list[TableRow]:
    """One row per caption, checked against its clip; `ordered` compares it with the caption before.

    If the dialogue does not cut captions at clip borders, a caption need only overlap its clip.
    """
    fits = are_times_inside_clip if dialogue.cut else _does_line_overlap_clip
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


def build_question_rows(
    questions: Sequence[Question], clips: Mapping[str, Clip], dialogue: Dialogue
) -> list[TableRow]:
    """One row per question, checked against its clip, its own truth and the split of its match."""
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
            "inside_clip": are_times_inside_clip(question.evidence, clips.get(question.clip)),
            "overlapping": question.split != "train"
            and _is_overlapping_clip(clips.get(question.clip)),
            "truth_score": _score_truth(question),
            "truth_among_options": _is_truth_an_option(question),
            "truth_has_evidence": _does_truth_match_evidence(
                question, clips.get(question.clip), dialogue
            ),
            "absent": float(question.task == "spotting" and not question.evidence),
        }
        for question in questions
    ]


def build_trajectory_rows(
    attempts: Sequence[Trajectory],
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    budget: FrameBudget,
    judged: Container[str] = (),
) -> list[TableRow]:
    """One row per trajectory, checked against its question, its clip and the frame budget.

    `judged` holds the ids of trajectories that a judge model accepted; their score counts as 1.0.
    """
    rows = [
        _build_trajectory_row(attempt, questions.get(attempt.question), clips, budget)
        for attempt in attempts
    ]
    right = {"score": 1.0, "score_again": 1.0}
    return [row | right if row["id"] in judged else row for row in rows]


def _build_trajectory_row(
    attempt: Trajectory, question: Question | None, clips: Mapping[str, Clip], budget: FrameBudget
) -> TableRow:
    return {
        "id": attempt.id,
        "task": attempt.task,
        "train": attempt.split == "train" and (question is None or question.split == "train"),
        "question_known": question is not None,
        "valid": attempt.valid,
        "score": attempt.score,
        "score_again": -1.0 if question is None else _score_answer(question, attempt.answer),
        "inside_clip": are_times_inside_clip(
            attempt.windows, clips.get(question.clip) if question else None
        ),
        "frames_left": budget.max_frames - attempt.frames,
        "pictures_agree": _count_images(attempt.messages) == attempt.frames,
        "calls": len(attempt.windows) // 2,
    }


def build_task_share_rows(
    attempts: Sequence[Trajectory], questions: Sequence[Question]
) -> list[TableRow]:
    """One row per task of the training questions: {id: task, share: its share of the accepted
    trajectories}.
    """
    tasks = sorted({question.task for question in questions if question.split == "train"})
    counts = {task: sum(attempt.task == task for attempt in attempts) for task in tasks}
    return [{"id": task, "share": counts[task] / max(len(attempts), 1)} for task in tasks]


def are_times_inside_clip(times: Sequence[float], clip: Clip | None) -> bool:
    """Whether the times (start, end, start, end ...) are ordered pairs within the clip."""
    if clip is None or len(times) % 2:
        return False
    length = clip.end - clip.start + TIME_TOLERANCE
    return all(0 <= start <= end <= length for start, end in pair_times(times))


def _score_answer(question: Question, answer: str) -> float:
    return TASKS[question.task].score(answer, question.truth) if question.task in TASKS else 0.0


def _score_truth(question: Question) -> float:
    return _score_answer(question, question.truth)


def _is_truth_an_option(question: Question) -> bool:
    """Whether the letter of the truth refers to the option that the truth names."""
    if question.task != "choice":
        return True
    place = choice.LETTERS.find(choice.parse_option_letter(question.truth) or "?")
    named = question.truth.partition(". ")[2]
    return 0 <= place < len(question.options) and question.options[place] == named


def _does_truth_match_evidence(question: Question, clip: Clip | None, dialogue: Dialogue) -> bool:
    """Whether the intervals in a spotting truth's text equal its evidence in seconds.

    Evidence ends with its clip, so a truth that goes further is clamped before the comparison.
    """
    if question.task != "spotting" or len(question.evidence) % 2 or clip is None:
        return question.task != "spotting"
    clock_offset, length = dialogue.clock_offset(clip), clip.end - clip.start
    evidence_intervals = pair_times(question.evidence)
    if dialogue.cut:
        return question.truth == spotting.format_spotting_answer(
            question.action, evidence_intervals, clock_offset
        )
    stated_intervals = spotting.parse_intervals(question.truth, clock_offset)
    clamped_times = [min(max(time, 0.0), length) for pair in stated_intervals for time in pair]
    near = len(clamped_times) == len(question.evidence) and all(
        abs(a - b) <= HALF_SECOND_TOLERANCE
        for a, b in zip(clamped_times, question.evidence, strict=True)
    )
    return near and question.truth == spotting.format_spotting_answer(
        question.action, stated_intervals, clock_offset
    )


def _does_line_overlap_clip(times: Sequence[float], clip: Clip | None) -> bool:
    start, end = times
    return clip is not None and start < end and start < clip.end - clip.start and end > 0


def _is_overlapping_clip(clip: Clip | None) -> bool:
    return clip is not None and clip.overlaps


def _count_images(messages: str) -> int:
    """The number of images in the messages; -1 if the JSON is not a list of messages."""
    try:  # what a teacher or a model wrote
        contents = [message["content"] for message in json.loads(messages)]
    except (ValueError, KeyError, TypeError):
        return -1
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return sum(block.get("type") == "image" for block in blocks)
