"""The served teacher: a model behind an endpoint, asked with the student's prompt, frames and tool.

DeepSport distils from Qwen3-VL-235B-A22B-Thinking in the same way: several turns, calls of the
frame tool, and only what agrees with the truth is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from touchline.chat.messages import (
    Messages,
    build_messages,
    build_trajectory,
    extract_assistant_turns,
    fetch_block_images,
)
from touchline.chat.tools.choose_frames import NAME, Blocks, Viewing, read_call
from touchline.endpoint import Client, Purse, Reply, each
from touchline.endpoint.openai_format import turn
from touchline.progress import Progress
from touchline.records import Question, Verdict
from touchline.state_dirs import reply_folder
from touchline.teacher import faulty_turns
from touchline.teacher.accept import Hearing, accepted, digest
from touchline.teacher.ask_teacher import Judge, ask
from touchline.teacher.teacher import Course, Taught

AUTHOR = "teacher.served"


@dataclass
class Talk:
    """One conversation: `messages` name pictures by time, `shown` holds them for the endpoint."""

    question: Question
    viewing: Viewing
    messages: Messages = field(default_factory=list)
    shown: Messages = field(default_factory=list)
    frames: list[str] = field(default_factory=list)  # digests
    replies: list[Reply] = field(default_factory=list)

    def add(self, message: dict[str, Any]) -> None:
        reel = self.viewing.reel
        self.messages.append(message)
        self.shown.append({**message, "content": fetch_block_images(message["content"], reel)})

    def look(self, blocks: Blocks) -> Blocks:
        """Note which frames are shown."""
        self.frames.append(digest(blocks, self.viewing.reel))
        return blocks


def lessons(course: Course) -> Iterator[Taught]:
    """Every question's fate, in the order of the course; replies of an earlier attempt count."""
    return iter(asyncio.run(_taught(course)))


async def _taught(course: Course) -> list[Taught]:
    settings = course.served
    purse = Purse(settings.spend)
    judge = Judge(settings, purse)
    teacher = Client(settings.endpoint, reply_folder("teacher"), purse)
    made: dict[str, Taught] = {}
    async with teacher, judge:
        with Progress("distill", len(course.questions)) as progress:
            async for taught in _in_stages(course, teacher, judge, purse):
                made[taught.question.id] = taught
                progress.step(f"cost {purse.money:.4g}")
    return [made[question.id] for question in course.questions]


async def _in_stages(
    course: Course, teacher: Client, judge: Judge, purse: Purse
) -> AsyncIterator[Taught]:
    """First the pilot, whose cost forecasts the whole; then the rest."""
    pilot = min(course.served.spend.pilot, len(course.questions))

    async def work(question: Question) -> Taught:
        return await _lesson(question, course, teacher, judge)

    async for _, taught in each(_spread(course.questions, pilot), work, teacher.at_once):
        yield taught
    if pilot:
        purse.forecast("distill", pilot, len(course.questions))
    piloted = {question.id for question in _spread(course.questions, pilot)}
    rest = [question for question in course.questions if question.id not in piloted]
    async for _, taught in each(rest, work, teacher.at_once):
        yield taught


def _spread(questions: Sequence[Question], count: int) -> list[Question]:
    """`count` of them, evenly over all: sports and tasks stand in blocks."""
    return [questions[i * len(questions) // count] for i in range(count)]


async def _lesson(question: Question, course: Course, teacher: Client, judge: Judge) -> Taught:
    """One question: the conversation, then the steps of acceptance."""
    talk = Talk(question, Viewing(course.reel(question), course.budget))
    reason = await _converse(talk, course, teacher)
    attempt = build_trajectory(AUTHOR, question, talk.messages, talk.viewing, course.dialogue)
    verdict = Verdict(
        attempt.id, question.id, question.sport, question.task, reason, attempt.score, "", "",
        len(talk.viewing.windows), talk.frames, 0, 0, 0, 0.0,
    )  # fmt: skip
    if not reason:
        hearing = Hearing(question, attempt, talk.shown, talk.replies, course, teacher, judge)
        verdict = await accepted(verdict, hearing)
    verdict = _priced(verdict, talk.replies)
    kept = attempt if not verdict.reason else None
    return Taught(question, kept, verdict.reason, verdict)


async def _converse(talk: Talk, course: Course, teacher: Client) -> str:
    """Turn by turn to the answer; returns what went wrong, "" for nothing."""
    for message in build_messages(talk.question, talk.look(talk.viewing.open()), course.dialogue):
        talk.add(message)
    for _ in range(course.budget.calls + 1):
        reply = await ask(talk.question.id, talk.shown, len(talk.viewing.windows), course, teacher)
        talk.replies.append(reply)
        if reply.fault:
            return reply.fault
        reason, done = _heard(talk, turn(reply), reply, course)
        if reason or done:
            return reason
    return faulty_turns.ENDLESS


def _heard(talk: Talk, said: str, reply: Reply, course: Course) -> tuple[str, bool]:
    """(what is wrong, whether that was the answer) of a turn; a call is answered by the tool."""
    talk.add({"role": "assistant", "content": [{"type": "text", "text": said}]})
    turns, thinks = extract_assistant_turns(talk.messages), course.dialogue.thinks
    call = read_call(said) if thinks else None
    if faulty_turns.foreign(turns, course.served.languages):
        return faulty_turns.FOREIGN, True
    if call is None:
        bad = faulty_turns.called_badly(said)
        return bad or faulty_turns.ended_badly(said, turns, reply, course.dialogue), True
    blocks = talk.viewing.call(*call)
    if talk.viewing.faults:  # such a trajectory is never trained on: nothing more is paid for it
        return faulty_turns.refused(talk.viewing.faults[0]), True
    talk.add({"role": "tool", "name": NAME, "content": talk.look(blocks)})
    return "", False


def _priced(verdict: Verdict, replies: list[Reply]) -> Verdict:
    """With what its replies cost."""
    heard = [reply for reply in replies if reply.tokens_in or reply.tokens_out]
    return replace(
        verdict,
        requests=len(heard),
        tokens_in=sum(reply.tokens_in for reply in heard),
        tokens_out=sum(reply.tokens_out for reply in heard),
        cost=sum(reply.cost for reply in heard),
    )
