"""Three steps to acceptance: the answer is right, the calls run again, and the frames matter."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from touchline.chat.messages import Messages, extract_assistant_turns
from touchline.chat.prompts import render_prompt
from touchline.chat.tools.choose_frames import (
    Blocks,
    ClipFrames,
    FrameBudget,
    ToolSession,
    parse_tool_call,
)
from touchline.chat.turns import extract_answer, split_thought
from touchline.endpoint import Client, Reply
from touchline.endpoint.openai_format import turn
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.ask_teacher import TeacherJudge, request_teacher_turn
from touchline.teacher.teacher import TeachingJob


def hash_frame_blocks(blocks: Blocks, reel: ClipFrames) -> str:
    """sha256 of times and pixels of the pictures among the blocks."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    found = hashlib.sha256()
    for time, picture in zip(times, reel.fetch(times) if times else [], strict=True):
        found.update(f"{time!r} {picture.size} {picture.mode} ".encode())
        found.update(picture.tobytes())
    return found.hexdigest()


def replay_frame_digests(
    trajectory: Trajectory, reel: ClipFrames, budget: FrameBudget
) -> list[str]:
    """The digests of the frames with the question and of each call, as they are today."""
    viewing = ToolSession(reel, budget)
    shown = [viewing.open()]
    for message in extract_assistant_turns(json.loads(trajectory.messages)):
        call = parse_tool_call(message)
        if call is not None:
            shown.append(viewing.call(*call))
    return [hash_frame_blocks(blocks, reel) for blocks in shown]


def describe_replay_difference(before: Sequence[str], now: Sequence[str]) -> str:
    """What is different, in words; "" for nothing."""
    if list(before) == list(now):
        return ""
    place = next(
        (i for i, pair in enumerate(zip(before, now, strict=False)) if len(set(pair)) > 1), -1
    )
    where = "the frames with the question" if place == 0 else f"the frames of call {place}"
    return f"{where} are others when replayed" if place >= 0 else "other calls when replayed"


WRONG, UNSEEN, BLIND = "wrong answer", "frames do not bear it out", "same answer without frames"
NO_VERDICT = "the judge gives no verdict"


@dataclass
class AcceptanceCase:
    """A finished attempt before its judges; `replies` grows by those that it takes."""

    question: Question
    attempt: Trajectory
    shown: Messages  # with pictures
    replies: list[Reply]
    course: TeachingJob
    teacher: Client
    judge: TeacherJudge

    async def ask_judge(self, prompt: str, **fields: str) -> bool | None:
        """The judge's word; with the frames where the prompt is about them."""
        words = {
            "type": "text",
            "text": render_prompt(prompt, question=self.question.text, **fields),
        }
        seen = [b for m in self.shown if m["role"] in ("user", "tool") for b in m["content"]]
        blocks = [*seen, words] if prompt == "judge_frames" else [words]
        said, reply = await self.judge.ask_yes_or_no(self.question.id, blocks)
        self.replies.append(reply)
        return said

    async def answer_without_frames(self) -> str:
        """The teacher's answer to the same conversation with grey pictures; "" for none."""
        masked = [
            {**m, "content": [_replace_by_grey(b) for b in m["content"]]} for m in self.shown[:-1]
        ]
        calls = len(self.attempt.windows) // 2
        reply = await request_teacher_turn(
            self.question.id, masked, calls, self.course, self.teacher
        )
        self.replies.append(reply)
        said = turn(reply)
        return extract_answer(said) if self.course.dialogue.thinks else said.strip()


async def run_acceptance_steps(verdict: TeacherVerdict, hearing: AcceptanceCase) -> TeacherVerdict:
    """The verdict with what the steps say, in order; the first that fails gives the reason."""
    for step in ACCEPTANCE_STEPS:
        if not verdict.reason:
            verdict = await step(verdict, hearing)
    return verdict


async def _check_answer(verdict: TeacherVerdict, hearing: AcceptanceCase) -> TeacherVerdict:
    """By the task's own score; an open answer below the threshold may convince the judge."""
    served = hearing.course.served
    if verdict.score >= served.threshold:
        return verdict
    if served.judge != verdict.task:
        return replace(verdict, reason=WRONG)
    fields = {"truth": hearing.question.truth, "answer": hearing.attempt.answer}
    said = await hearing.ask_judge("judge_answer", **fields)
    return _apply_step_result(verdict, said, "judged", "right", "wrong", WRONG)


async def _check_replay(verdict: TeacherVerdict, hearing: AcceptanceCase) -> TeacherVerdict:
    reel = hearing.course.reload_frames(hearing.question)
    now = replay_frame_digests(hearing.attempt, reel, hearing.course.budget)
    return replace(verdict, reason=describe_replay_difference(verdict.frames, now))


async def _check_frames_matter(verdict: TeacherVerdict, hearing: AcceptanceCase) -> TeacherVerdict:
    """Where there are frames: the judge looks at them, or the teacher answers without them."""
    look = hearing.course.served.look
    if look == "none" or not hearing.attempt.frames:
        return verdict
    if look == "masked":
        differs = await hearing.answer_without_frames() != hearing.attempt.answer
        return _apply_step_result(verdict, differs, "look", "seen", "unseen", BLIND)
    turns = [split_thought(turn) or ("", "") for turn in extract_assistant_turns(hearing.shown)]
    thoughts = "\n".join(thought for thought, _ in turns)
    fields = {"thoughts": thoughts, "answer": hearing.attempt.answer}
    said = await hearing.ask_judge("judge_frames", **fields)
    return _apply_step_result(verdict, said, "look", "seen", "unseen", UNSEEN)


def _apply_step_result(
    verdict: TeacherVerdict, said: bool | None, column: str, yes: str, no: str, reason: str
) -> TeacherVerdict:
    if said is None:
        return replace(verdict, reason=NO_VERDICT)
    return replace(verdict, **{column: yes if said else no}, reason="" if said else reason)


def _replace_by_grey(block: dict) -> dict:
    if block["type"] != "image":
        return block
    return {"type": "image", "image": Image.new("RGB", block["image"].size, (128, 128, 128))}


ACCEPTANCE_STEPS: tuple[
    Callable[[TeacherVerdict, AcceptanceCase], Awaitable[TeacherVerdict]], ...
] = (_check_answer, _check_replay, _check_frames_matter)
