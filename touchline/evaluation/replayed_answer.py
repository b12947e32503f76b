"""Replay a candidate's answer into a scored `Trajectory`.

It stands apart from the candidates, because a new score must not ask a model again.
"""

from typing import Any

from touchline.chat.messages import Conversation
from touchline.chat.tools.choose_frames import ToolSession
from touchline.evaluation.candidates.candidate import (
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.records.trajectory import Trajectory
from touchline.tasks.trajectory import build_trajectory


def replay_candidate_answer(
    candidate: EvalCandidate, item: EvalItem, answer: CandidateAnswer, settings: EvalSettings
) -> Trajectory:
    """The row of one answer: the frames of its calls fetched again, scored by the question's task.

    An answer with a fault ends with a message of the role `failure`.
    """
    frames = candidate.transform_frames(item.reel)
    viewing = ToolSession(frames, candidate.budget(settings))
    if candidate.senses == "frames":
        conversation = Conversation(item.question, viewing, settings.dialogue)
        messages = conversation.add_model_turns(answer.turns).messages
    else:
        turns = [_build_text_message("assistant", turn) for turn in answer.turns]
        messages = [*candidate.build_text_messages(item, settings), *turns]
    if answer.fault:
        messages = [*messages, _build_text_message("failure", answer.fault)]
    return build_trajectory(candidate.name, item.question, messages, viewing, settings.dialogue)


def _build_text_message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}
