"""The served teacher: a model behind an endpoint that gets the student's prompt, frames and tool.

As in DeepSport (distilled from Qwen3-VL-235B-A22B-Thinking): several turns with tool calls, and
only trajectories that agree with the truth are kept.
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
from touchline.endpoint import ChatReply, EndpointClient, SpendingLimit, run_concurrently
from touchline.endpoint.openai_format import format_reply_turn
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
    """One conversation: `messages` reference images by time, `shown` contains the images sent to
    the endpoint.
    """

    question: Question
    viewing: ToolSession
    messages: Messages = field(default_factory=list)
    shown: Messages = field(default_factory=list)
    frames: list[str] = field(default_factory=list)  # digests
    replies: list[ChatReply] = field(default_factory=list)

    def add_message(self, message: dict[str, Any]) -> None:
        reel = self.viewing.clip_frames
        self.messages.append(message)
        self.shown.append({**message, "content": fetch_block_images(message["content"], reel)})

    def note_frames(self, blocks: Blocks) -> Blocks:
        """Store the digest of the frames in `blocks` and return the blocks."""
        self.frames.append(hash_frame_blocks(blocks, self.viewing.clip_frames))
        return blocks


def run_served_teacher(job: TeachingJob) -> Iterator[TaughtQuestion]:
    """Teach every question of the job, in its order; stored replies of an earlier attempt are
    reused.
    """
    return iter(asyncio.run(_teach_all(job)))


async def _teach_all(job: TeachingJob) -> list[TaughtQuestion]:
    settings = job.served
    purse = SpendingLimit(settings.spend)
    judge = TeacherJudge(settings, purse)
    teacher = EndpointClient(settings.endpoint, ensure_reply_folder("teacher"), purse)
    taught_by_id: dict[str, TaughtQuestion] = {}
    async with teacher, judge:
        with ProgressReporter("distill", len(job.questions)) as progress:
            async for taught in _teach_pilot_then_rest(job, teacher, judge, purse):
                taught_by_id[taught.question.id] = taught
                progress.step(f"cost {purse.money:.4g}")
    return [taught_by_id[question.id] for question in job.questions]


async def _teach_pilot_then_rest(
    job: TeachingJob, teacher: EndpointClient, judge: TeacherJudge, purse: SpendingLimit
) -> AsyncIterator[TaughtQuestion]:
    """First the pilot, whose cost forecasts the whole; then the rest."""
    pilot = min(job.served.spend.pilot, len(job.questions))

    async def work(question: Question) -> TaughtQuestion:
        return await _teach_question(question, job, teacher, judge)

    async for _, taught in run_concurrently(
        _pick_evenly(job.questions, pilot), work, teacher.max_conversations
    ):
        yield taught
    if pilot:
        purse.check_forecast("distill", pilot, len(job.questions))
    piloted = {question.id for question in _pick_evenly(job.questions, pilot)}
    remaining = [question for question in job.questions if question.id not in piloted]
    async for _, taught in run_concurrently(remaining, work, teacher.max_conversations):
        yield taught


def _pick_evenly(questions: Sequence[Question], count: int) -> list[Question]:
    """`count` of them, evenly over all: sports and tasks stand in blocks."""
    return [questions[i * len(questions) // count] for i in range(count)]


async def _teach_question(
    question: Question, job: TeachingJob, teacher: EndpointClient, judge: TeacherJudge
) -> TaughtQuestion:
    """One question: the conversation, then the steps of acceptance."""
    conversation = TeacherConversation(question, ToolSession(job.get_frames(question), job.budget))
    reason = await _converse(conversation, job, teacher)
    attempt = build_trajectory(
        SERVED_AUTHOR, question, conversation.messages, conversation.viewing, job.dialogue
    )
    verdict = TeacherVerdict(
        id=attempt.id,
        question=question.id,
        sport=question.sport,
        task=question.task,
        reason=reason,
        score=attempt.score,
        judged="",
        look="",
        calls=len(conversation.viewing.windows),
        frames=conversation.frames,
        requests=0,
        tokens_in=0,
        tokens_out=0,
        cost=0.0,
    )
    if not reason:
        case = AcceptanceCase(
            question=question,
            attempt=attempt,
            shown=conversation.shown,
            replies=conversation.replies,
            course=job,
            teacher=teacher,
            judge=judge,
        )
        verdict = await run_acceptance_steps(verdict, case)
    verdict = _add_cost(verdict, conversation.replies)
    kept = attempt if not verdict.reason else None
    return TaughtQuestion(question, kept, verdict.reason, verdict)


async def _converse(
    conversation: TeacherConversation, job: TeachingJob, teacher: EndpointClient
) -> str:
    """Turn by turn to the answer; returns what went wrong, "" for nothing."""
    for message in build_messages(
        conversation.question, conversation.note_frames(conversation.viewing.open()), job.dialogue
    ):
        conversation.add_message(message)
    for _ in range(job.budget.calls + 1):
        reply = await request_teacher_turn(
            conversation.question.id,
            conversation.shown,
            len(conversation.viewing.windows),
            job,
            teacher,
        )
        conversation.replies.append(reply)
        if reply.fault:
            return reply.fault
        reason, done = _process_turn(conversation, format_reply_turn(reply), reply, job)
        if reason or done:
            return reason
    return faulty_turns.ENDLESS


def _process_turn(
    conversation: TeacherConversation, turn_text: str, reply: ChatReply, job: TeachingJob
) -> tuple[str, bool]:
    """(what is wrong, whether that was the answer) of a turn; a call is answered by the tool."""
    conversation.add_message(
        {"role": "assistant", "content": [{"type": "text", "text": turn_text}]}
    )
    turns, thinks = extract_assistant_turns(conversation.messages), job.dialogue.thinks
    call = parse_tool_call(turn_text) if thinks else None
    if faulty_turns.is_foreign_language(turns, job.served.languages):
        return faulty_turns.FOREIGN, True
    if call is None:
        call_fault = faulty_turns.find_call_fault(turn_text)
        return call_fault or faulty_turns.find_ending_fault(
            turn_text, turns, reply, job.dialogue
        ), True
    blocks = conversation.viewing.call(*call)
    if (
        conversation.viewing.faults
    ):  # such a trajectory is never trained on: nothing more is paid for it
        return faulty_turns.name_refused_call(conversation.viewing.faults[0]), True
    conversation.add_message(
        {"role": "tool", "name": TOOL_NAME, "content": conversation.note_frames(blocks)}
    )
    return "", False


def _add_cost(verdict: TeacherVerdict, replies: list[ChatReply]) -> TeacherVerdict:
    """With what its replies cost."""
    billed_replies = [reply for reply in replies if reply.tokens_in or reply.tokens_out]
    return replace(
        verdict,
        requests=len(billed_replies),
        tokens_in=sum(reply.tokens_in for reply in billed_replies),
        tokens_out=sum(reply.tokens_out for reply in billed_replies),
        cost=sum(reply.cost for reply in billed_replies),
    )
