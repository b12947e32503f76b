"""Requests to the served teacher and to its judge."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from touchline.chat.messages import Messages
from touchline.endpoint import ChatReply, EndpointClient, SpendingLimit, build_chat_request
from touchline.endpoint.openai_format import build_api_messages, build_api_tools
from touchline.prompt_text import read_prompt_file
from touchline.state_dirs import ensure_reply_folder
from touchline.teacher.teacher import ServedTeacherParams, TeachingJob

PROMPTS = Path(__file__).with_name("prompts")
NO_TOOL_CHOICE = {"tool_choice": "none"}  # once no call is left: say the answer
VERDICT_WORDS = {"YES": True, "NO": False}


def read_judge_prompt(name: str) -> str:
    """The text of a prompt for the teacher's judge, with its {fields} unfilled."""
    return read_prompt_file(PROMPTS / f"{name}.txt")


async def request_teacher_turn(
    tag: str, messages: Messages, calls: int, job: TeachingJob, teacher: EndpointClient
) -> ChatReply:
    """Request the teacher's next turn after `calls` tool calls; with no call left, tool use is
    turned off.
    """
    endpoint = teacher.endpoint
    tool_schemas = build_api_tools(endpoint) if job.dialogue.thinks else []
    turn_request = build_chat_request(
        endpoint, tag, build_api_messages(messages, endpoint), tool_schemas
    )
    if tool_schemas and calls >= job.budget.calls:
        turn_request = replace(turn_request, sampling={**turn_request.sampling, **NO_TOOL_CHOICE})
    return await teacher.ask(turn_request)


class TeacherJudge:
    """A second model that answers YES or NO. Its client is opened only if the settings need a
    judge.
    """

    def __init__(self, settings: ServedTeacherParams, purse: SpendingLimit) -> None:
        self.needed = settings.needs_judge
        self.client = EndpointClient(settings.judging, ensure_reply_folder("judge"), purse)

    async def __aenter__(self) -> Self:
        if self.needed:
            await self.client.__aenter__()
        return self

    async def __aexit__(self, *exception_info: object) -> None:
        if self.needed:
            await self.client.__aexit__(*exception_info)

    async def ask_yes_or_no(
        self, tag: str, blocks: list[dict[str, Any]]
    ) -> tuple[bool | None, ChatReply]:
        """(True, False or None if the reply is neither YES nor NO; the reply) to the given content
        blocks.
        """
        messages = build_api_messages([{"role": "user", "content": blocks}], self.client.endpoint)
        reply = await self.client.ask(build_chat_request(self.client.endpoint, tag, messages))
        word = "".join(c if c.isalpha() else " " for c in reply.text.upper()).split()[:1]
        return VERDICT_WORDS.get(word[0] if word else ""), reply
