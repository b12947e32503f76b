"""Three steps to acceptance: the answer is right, the calls run again, and the frames matter."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from touchline.chat.messages import Messages, extract_assistant_turns
from touchline.chat.prompts import render
from touchline.chat.tools.choose_frames import Blocks, Budget, Reel, Viewing, read_call
from touchline.chat.turns import answer, parts
from touchline.endpoint import Client, Reply
from touchline.endpoint.openai_format import turn
from touchline.records import Question, Trajectory, Verdict
from touchline.teacher.ask_teacher import Judge, ask
from touchline.teacher.teacher import Course


def digest(blocks: Blocks, reel: Reel) -> str:
    """sha256 of times and pixels of the pictures among the blocks."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    found = hashlib.sha256()
    for time, picture in zip(times, reel.fetch(times) if times else [], strict=True):
        found.update(f"{time!r} {picture.size} {picture.mode} ".encode())
        found.update(picture.tobytes())
    return found.hexdigest()


def replayed(trajectory: Trajectory, reel: Reel, budget: Budget) -> list[str]:
    """The digests of the frames with the question and of each call, as they are today."""
    viewing = Viewing(reel, budget)
    shown = [viewing.open()]
    for message in extract_assistant_turns(json.loads(trajectory.messages)):
        call = read_call(message)
        if call is not None:
            shown.append(viewing.call(*call))
    return [digest(blocks, reel) for blocks in shown]


def differs(before: Sequence[str], now: Sequence[str]) -> str:
    """What is different, in words; "" for nothing."""
    if list(before) == list(now):
        return ""
    place = next(
        (i for i, pair in enumerate(zip(before, now, strict=False)) if len(set(pair)) > 1), -1
    )
    where = "the frames with the question" if place == 0 else f"the frames of call {place}"
    return f"{where} are others when replayed" if place >= 0 else "other calls when replayed"


WRONG, UNSEEN, BLIND = "wrong answer", "frames do not bear it out", "same answer without frames"
UNJUDGED = "the judge gives no verdict"


@dataclass
class Hearing:
    """A finished attempt before its judges; `replies` grows by those that it takes."""

    question: Question
    attempt: Trajectory
    shown: Messages  # with pictures
    replies: list[Reply]
    course: Course
    teacher: Client
    judge: Judge

    async def judged(self, prompt: str, **fields: str) -> bool | None:
        """The judge's word; with the frames where the prompt is about them."""
        words = {"type": "text", "text": render(prompt, question=self.question.text, **fields)}
        seen = [b for m in self.shown if m["role"] in ("user", "tool") for b in m["content"]]
        blocks = [*seen, words] if prompt == "judge_frames" else [words]
        said, reply = await self.judge.says(self.question.id, blocks)
        self.replies.append(reply)
        return said

    async def blindfolded(self) -> str:
        """The teacher's answer to the same conversation with grey pictures; "" for none."""
        masked = [{**m, "content": [_grey(b) for b in m["content"]]} for m in self.shown[:-1]]
        calls = len(self.attempt.windows) // 2
        reply = await ask(self.question.id, masked, calls, self.course, self.teacher)
        self.replies.append(reply)
        said = turn(reply)
        return answer(said) if self.course.dialogue.thinks else said.strip()


async def accepted(verdict: Verdict, hearing: Hearing) -> Verdict:
    """The verdict with what the steps say, in order; the first that fails gives the reason."""
    for step in STEPS:
        if not verdict.reason:
            verdict = await step(verdict, hearing)
    return verdict


async def _right(verdict: Verdict, hearing: Hearing) -> Verdict:
    """By the task's own score; an open answer below the threshold may convince the judge."""
    served = hearing.course.served
    if verdict.score >= served.threshold:
        return verdict
    if served.judge != verdict.task:
        return replace(verdict, reason=WRONG)
    fields = {"truth": hearing.question.truth, "answer": hearing.attempt.answer}
    said = await hearing.judged("judge_answer", **fields)
    return _after(verdict, said, "judged", "right", "wrong", WRONG)


async def _runs_again(verdict: Verdict, hearing: Hearing) -> Verdict:
    reel = hearing.course.replay(hearing.question)
    now = replayed(hearing.attempt, reel, hearing.course.budget)
    return replace(verdict, reason=differs(verdict.frames, now))


async def _seen(verdict: Verdict, hearing: Hearing) -> Verdict:
    """Where there are frames: the judge looks at them, or the teacher answers without them."""
    look = hearing.course.served.look
    if look == "none" or not hearing.attempt.frames:
        return verdict
    if look == "masked":
        differs = await hearing.blindfolded() != hearing.attempt.answer
        return _after(verdict, differs, "look", "seen", "unseen", BLIND)
    turns = [parts(turn) or ("", "") for turn in extract_assistant_turns(hearing.shown)]
    thoughts = "\n".join(thought for thought, _ in turns)
    fields = {"thoughts": thoughts, "answer": hearing.attempt.answer}
    said = await hearing.judged("judge_frames", **fields)
    return _after(verdict, said, "look", "seen", "unseen", UNSEEN)


def _after(
    verdict: Verdict, said: bool | None, column: str, yes: str, no: str, reason: str
) -> Verdict:
    if said is None:
        return replace(verdict, reason=UNJUDGED)
    return replace(verdict, **{column: yes if said else no}, reason="" if said else reason)


def _grey(block: dict) -> dict:
    if block["type"] != "image":
        return block
    return {"type": "image", "image": Image.new("RGB", block["image"].size, (128, 128, 128))}


STEPS: tuple[Callable[[Verdict, Hearing], Awaitable[Verdict]], ...] = (_right, _runs_again, _seen)
