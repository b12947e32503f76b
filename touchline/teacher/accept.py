"""Accept a teacher's trajectory in three steps: right answer, reproducible tool calls, frames that
matter.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from touchline.chat.messages import Messages, extract_assistant_turns
from touchline.chat.tools.choose_frames import (
    Blocks,
    ClipFrames,
    FrameBudget,
    ToolSession,
    parse_tool_call,
)
from touchline.chat.turns import extract_answer, split_thought
from touchline.endpoint import ChatReply, EndpointClient
from touchline.endpoint.openai_format import format_reply_turn
from touchline.prompt_text import fill_prompt_fields
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.ask_teacher import TeacherJudge, read_judge_prompt, request_teacher_turn
from touchline.teacher.teacher import TeachingJob


def hash_frame_blocks(blocks: Blocks, reel: ClipFrames) -> str:
    """sha256 over times and pixels of the image blocks."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    hasher = hashlib.sha256()
    for time, picture in zip(times, reel.fetch(times) if times else [], strict=True):
        hasher.update(f"{time!r} {picture.size} {picture.mode} ".encode())
        hasher.update(picture.tobytes())
    return hasher.hexdigest()


def replay_frame_digests(
    trajectory: Trajectory, reel: ClipFrames, budget: FrameBudget
) -> list[str]:
    """Digests of the frames with the question and of each call, when the trajectory is replayed
    now.
    """
    viewing = ToolSession(reel, budget)
    shown_blocks = [viewing.open()]
    for message in extract_assistant_turns(json.loads(trajectory.messages)):
        call = parse_tool_call(message)
        if call is not None:
            shown_blocks.append(viewing.call(*call))
    return [hash_frame_blocks(blocks, reel) for blocks in shown_blocks]


def describe_replay_difference(before: Sequence[str], now: Sequence[str]) -> str:
    """Describe the first difference between two lists of digests; '' if they are equal."""
    if list(before) == list(now):
        return ""
    first_difference = next(
        (i for i, pair in enumerate(zip(before, now, strict=False)) if len(set(pair)) > 1), -1
    )
    where = (
        "the frames with the question"
        if first_difference == 0
        else f"the frames of call {first_difference}"
    )
    return (
        f"{where} are others when replayed"
        if first_difference >= 0
        else "other calls when replayed"
    )


WRONG, UNSEEN, BLIND = "wrong answer", "frames do not bear it out", "same answer without frames"
NO_VERDICT = "the judge gives no verdict"


@dataclass
class AcceptanceCase:
    """A finished trajectory to be checked; `replies` collects the requests that the checks make."""

    question: Question
    attempt: Trajectory
    shown: Messages  # with pictures
    replies: list[ChatReply]
    course: TeachingJob
    teacher: EndpointClient
    judge: TeacherJudge

    async def ask_judge(self, prompt: str, **fields: str) -> bool | None:
        """Ask the judge about the trajectory; True, False, or None if it gives no verdict. The
        prompt `judge_frames` includes the frames.
        """
        words = {
            "type": "text",
            "text": fill_prompt_fields(
                read_judge_prompt(prompt), {"question": self.question.text, **fields}
            ),
        }
        frame_blocks = [
            b for m in self.shown if m["role"] in ("user", "tool") for b in m["content"]
        ]
        blocks = [*frame_blocks, words] if prompt == "judge_frames" else [words]
        confirmed, reply = await self.judge.ask_yes_or_no(self.question.id, blocks)
        self.replies.append(reply)
        return confirmed

    async def answer_without_frames(self) -> str:
        """The teacher's answer to the same conversation with grey frames; '' if it gives none."""
        masked_messages = [
            {**m, "content": [_replace_by_grey(b) for b in m["content"]]} for m in self.shown[:-1]
        ]
        calls = len(self.attempt.windows) // 2
        reply = await request_teacher_turn(
            self.question.id, masked_messages, calls, self.course, self.teacher
        )
        self.replies.append(reply)
        turn_text = format_reply_turn(reply)
        return extract_answer(turn_text) if self.course.dialogue.thinks else turn_text.strip()


async def run_acceptance_steps(verdict: TeacherVerdict, case: AcceptanceCase) -> TeacherVerdict:
    """Run the steps in order and return the verdict; the first failing step sets its `reason`."""
    for step in ACCEPTANCE_STEPS:
        if not verdict.reason:
            verdict = await step(verdict, case)
    return verdict


async def _check_answer(verdict: TeacherVerdict, case: AcceptanceCase) -> TeacherVerdict:
    """By the task's own score; an open answer below the threshold may convince the judge."""
    served = case.course.served
    if verdict.score >= served.threshold:
        return verdict
    if served.judge != verdict.task:
        return replace(verdict, reason=WRONG)
    fields = {"truth": case.question.truth, "answer": case.attempt.answer}
    confirmed = await case.ask_judge("judge_answer", **fields)
    return _apply_step_result(verdict, confirmed, "judged", "right", "wrong", WRONG)


async def _check_replay(verdict: TeacherVerdict, case: AcceptanceCase) -> TeacherVerdict:
    reel = case.course.reload_frames(case.question)
    current_digests = replay_frame_digests(case.attempt, reel, case.course.budget)
    return replace(verdict, reason=describe_replay_difference(verdict.frames, current_digests))


async def _check_frames_matter(verdict: TeacherVerdict, case: AcceptanceCase) -> TeacherVerdict:
    """Where there are frames: the judge looks at them, or the teacher answers without them."""
    look = case.course.served.look
    if look == "none" or not case.attempt.frames:
        return verdict
    if look == "masked":
        answer_differs = await case.answer_without_frames() != case.attempt.answer
        return _apply_step_result(verdict, answer_differs, "look", "seen", "unseen", BLIND)
    turns = [split_thought(turn) or ("", "") for turn in extract_assistant_turns(case.shown)]
    thoughts = "\n".join(thought for thought, _ in turns)
    fields = {"thoughts": thoughts, "answer": case.attempt.answer}
    confirmed = await case.ask_judge("judge_frames", **fields)
    return _apply_step_result(verdict, confirmed, "look", "seen", "unseen", UNSEEN)


def _apply_step_result(
    verdict: TeacherVerdict, confirmed: bool | None, column: str, yes: str, no: str, reason: str
) -> TeacherVerdict:
    if confirmed is None:
        return replace(verdict, reason=NO_VERDICT)
    return replace(
        verdict, **{column: yes if confirmed else no}, reason="" if confirmed else reason
    )


def _replace_by_grey(block: dict) -> dict:
    if block["type"] != "image":
        return block
    return {"type": "image", "image": Image.new("RGB", block["image"].size, (128, 128, 128))}


ACCEPTANCE_STEPS: tuple[
    Callable[[TeacherVerdict, AcceptanceCase], Awaitable[TeacherVerdict]], ...
] = (_check_answer, _check_replay, _check_frames_matter)
