"""A finished attempt as a row, scored by its task."""

import json

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.messages import Messages, extract_assistant_turns
from touchline.chat.tools.choose_frames import (
    ToolSession,
)
from touchline.chat.turns import extract_answer, is_bare_answer, is_well_formed
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.tasks import TASKS


def build_trajectory(
    author: str,
    question: Question,
    messages: Messages,
    viewing: ToolSession,
    dialogue: Dialogue = DEFAULT_DIALOGUE,
) -> Trajectory:
    """Score a finished conversation with its question's task and return it as a Trajectory row.

    The row is `valid` if the turns keep the dialogue's format and the tool refused no call; an
    empty answer is scored like any other.
    """
    turns = extract_assistant_turns(messages)
    read, is_valid_format = (
        (extract_answer, is_well_formed) if dialogue.thinks else (str.strip, is_bare_answer)
    )
    final_answer = read(turns[-1]) if turns else ""
    return Trajectory(
        id=f"{author}:{question.id}",
        question=question.id,
        author=author,
        split=question.split,
        sport=question.sport,
        task=question.task,
        match=question.match,
        messages=json.dumps(messages, ensure_ascii=False),
        answer=final_answer,
        score=TASKS[question.task].score(final_answer, question.truth),
        valid=is_valid_format(turns) and not viewing.faults,
        windows=[time for window in viewing.windows for time in window],
        frames=len(viewing.seen_times),
    )
