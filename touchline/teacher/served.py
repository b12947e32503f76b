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
    extract_assistant_turns,
    fetch_block_images,
)
from touchline.chat.tools.choose_frames import TOOL_NAME, Blocks, ToolSession, parse_tool_call
from touchline.endpoint import Client, Purse, Reply, each
from touchline.endpoint.openai_format import turn
from touchline.progress import ProgressReporter
from touchline.records.question import Question
from touchline.records.verdict import TeacherVerdict
from touchline.state_dirs import ensure_reply_folder
from touchline.tasks.trajectory import build_trajectory
from touchline.teacher import faulty_turns
from touchline.teacher.accept import AcceptanceCase, hash_frame_blocks, run_acceptance_steps
from touchline.teacher.ask_teacher import TeacherJudge, request_teacher_turn
from touchline.teacher.teacher import TaughtQuestion, TeachingJob

SERVED_AUTHOR = "teacher.served"


@dataclass
class TeacherConversation:
    """One conversation: `messages` name pictures by time, `shown` holds them for the endpoint."""

    question: Question
    viewing: ToolSession
    messages: Messages = field(default_factory=list)
    shown: Messages = field(default_factory=list)
    frames: list[str] = field(default_factory=list)  # digests
    replies: list[Reply] = field(default_factory=list)

    def add_message(self, message: dict[str, Any]) -> None:
        reel = self.viewing.clip_frames
        self.messages.append(message)
        self.shown.append({**message, "content": fetch_block_images(message["content"], reel)})

    def note_frames(self, blocks: Blocks) -> Blocks:
        """Note which frames are shown."""
        self.frames.append(hash_frame_blocks(blocks, self.viewing.clip_frames))
        return blocks


def run_served_teacher(course: TeachingJob) -> Iterator[TaughtQuestion]:
    """Every question's fate, in the order of the course; replies of an earlier attempt count."""
    return iter(asyncio.run(_teach_all(course)))


async def _teach_all(course: TeachingJob) -> list[TaughtQuestion]:
    settings = course.served
    purse = Purse(settings.spend)
    judge = TeacherJudge(settings, purse)
    teacher = Client(settings.endpoint, ensure_reply_folder("teacher"), purse)
    made: dict[str, TaughtQuestion] = {}
    async with teacher, judge:
        with ProgressReporter("distill", len(course.questions)) as progress:
            async for taught in _teach_pilot_then_rest(course, teacher, judge, purse):
                made[taught.question.id] = taught
                progress.step(f"cost {purse.money:.4g}")
    return [made[question.id] for question in course.questions]


async def _teach_pilot_then_rest(
    course: TeachingJob, teacher: Client, judge: TeacherJudge, purse: Purse
) -> AsyncIterator[TaughtQuestion]:
    """First the pilot, whose cost forecasts the whole; then the rest."""
    pilot = min(course.served.spend.pilot, len(course.questions))

    async def work(question: Question) -> TaughtQuestion:
        return await _teach_question(question, course, teacher, judge)

    async for _, taught in each(_pick_evenly(course.questions, pilot), work, teacher.at_once):
        yield taught
    if pilot:
        purse.forecast("distill", pilot, len(course.questions))
    piloted = {question.id for question in _pick_evenly(course.questions, pilot)}
    rest = [question for question in course.questions if question.id not in piloted]
    async for _, taught in each(rest, work, teacher.at_once):
        yield taught


def _pick_evenly(questions: Sequence[Question], count: int) -> list[Question]:
    """`count` of them, evenly over all: sports and tasks stand in blocks."""
    return [questions[i * len(questions) // count] for i in range(count)]


async def _teach_question(
    question: Question, course: TeachingJob, teacher: Client, judge: TeacherJudge
) -> TaughtQuestion:
    """One question: the conversation, then the steps of acceptance."""
    talk = TeacherConversation(question, ToolSession(course.get_frames(question), course.budget))
    reason = await _converse(talk, course, teacher)
    attempt = build_trajectory(
        SERVED_AUTHOR, question, talk.messages, talk.viewing, course.dialogue
    )
    verdict = TeacherVerdict(
        attempt.id, question.id, question.sport, question.task, reason, attempt.score, "", "",
        len(talk.viewing.windows), talk.frames, 0, 0, 0, 0.0,
    )  # fmt: skip
    if not reason:
        hearing = AcceptanceCase(
            question, attempt, talk.shown, talk.replies, course, teacher, judge
        )
        verdict = await run_acceptance_steps(verdict, hearing)
    verdict = _add_cost(verdict, talk.replies)
    kept = attempt if not verdict.reason else None
    return TaughtQuestion(question, kept, verdict.reason, verdict)


async def _converse(talk: TeacherConversation, course: TeachingJob, teacher: Client) -> str:
    """Turn by turn to the answer; returns what went wrong, "" for nothing."""
    for message in build_messages(
        talk.question, talk.note_frames(talk.viewing.open()), course.dialogue
    ):
        talk.add_message(message)
    for _ in range(course.budget.calls + 1):
        reply = await request_teacher_turn(
            talk.question.id, talk.shown, len(talk.viewing.windows), course, teacher
        )
        talk.replies.append(reply)
        if reply.fault:
            return reply.fault
        reason, done = _process_turn(talk, turn(reply), reply, course)
        if reason or done:
            return reason
    return faulty_turns.ENDLESS


def _process_turn(
    talk: TeacherConversation, said: str, reply: Reply, course: TeachingJob
) -> tuple[str, bool]:
    """(what is wrong, whether that was the answer) of a turn; a call is answered by the tool."""
    talk.add_message({"role": "assistant", "content": [{"type": "text", "text": said}]})
    turns, thinks = extract_assistant_turns(talk.messages), course.dialogue.thinks
    call = parse_tool_call(said) if thinks else None
    if faulty_turns.is_foreign_language(turns, course.served.languages):
        return faulty_turns.FOREIGN, True
    if call is None:
        bad = faulty_turns.find_call_fault(said)
        return bad or faulty_turns.find_ending_fault(said, turns, reply, course.dialogue), True
    blocks = talk.viewing.call(*call)
    if talk.viewing.faults:  # such a trajectory is never trained on: nothing more is paid for it
        return faulty_turns.name_refused_call(talk.viewing.faults[0]), True
    talk.add_message({"role": "tool", "name": TOOL_NAME, "content": talk.note_frames(blocks)})
    return "", False


def _add_cost(verdict: TeacherVerdict, replies: list[Reply]) -> TeacherVerdict:
    """With what its replies cost."""
    heard = [reply for reply in replies if reply.tokens_in or reply.tokens_out]
    return replace(
        verdict,
        requests=len(heard),
        tokens_in=sum(reply.tokens_in for reply in heard),
        tokens_out=sum(reply.tokens_out for reply in heard),
        cost=sum(reply.cost for reply in heard),
    )
