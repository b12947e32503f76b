"""Candidate kind `endpoint`: a model behind an OpenAI-compatible API, given commentary
or frames.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from touchline.chat.messages import extract_assistant_turns
from touchline.chat.tools.choose_frames import FrameBudget, ToolSession
from touchline.endpoint import EndpointClient, EndpointParams, build_chat_request, run_concurrently
from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.state_dirs import ensure_reply_folder

EXTRA_TURNS = 2  # turns beyond the calls a budget allows: one refused call, then the answer


class EndpointCandidate(EvalCandidate):
    """`sees` says whether it gets frames or only the commentary; `tool` whether it may call
    choose_frames.
    """

    kind: Literal["endpoint"]
    endpoint: EndpointParams
    sees: Literal["frames", "commentary"]
    tool: bool  # whether it is told of choose_frames; without frames there is none

    local: ClassVar[bool] = False

    @property
    def senses(self) -> Literal["frames", "commentary"]:  # type: ignore[override]
        return self.sees

    def budget(self, settings: EvalSettings) -> FrameBudget:
        if self.tool:
            return settings.budget
        return settings.budget.model_copy(update={"calls": 0})

    def identity(self, settings: EvalSettings) -> list[Any]:
        """The server by its address; of a name such as `o4-mini` it alone knows the weights."""
        endpoint_settings = self.endpoint.model_dump(
            include={"url", "model", "calls", "frames_in", "pictures"}
        )
        return [endpoint_settings, self.endpoint.sampling, self.sees, self.tool]

    def open(self, settings: EvalSettings) -> AnswerFunction:
        self.endpoint.read_key_value()  # a missing key is known before the first question
        return lambda items: asyncio.run(self._answer_items(items, settings))

    async def _answer_items(
        self, items: Sequence[EvalItem], settings: EvalSettings
    ) -> list[CandidateAnswer]:
        answers: dict[str, CandidateAnswer] = {}
        async with EndpointClient(
            self.endpoint, ensure_reply_folder(f"candidate-{self.name}")
        ) as client:

            async def answer_item(item: EvalItem) -> CandidateAnswer:
                if self.sees == "commentary":
                    return await self._answer_from_commentary(client, item, settings)
                return await self._answer_from_frames(client, item, settings)

            async for item, answer in run_concurrently(
                items, answer_item, client.max_conversations
            ):
                answers[item.question.id] = answer
        return [answers[item.question.id] for item in items]

    async def _answer_from_commentary(
        self, client: EndpointClient, item: EvalItem, settings: EvalSettings
    ) -> CandidateAnswer:
        from touchline.endpoint.openai_format import build_api_messages, format_reply_turn

        plain = self.endpoint.model_copy(update={"calls": "api"})
        messages = build_api_messages(self.build_text_messages(item, settings), plain)
        reply = await client.ask(build_chat_request(self.endpoint, item.question.id, messages))
        return (
            CandidateAnswer((), reply.fault)
            if reply.fault
            else CandidateAnswer((format_reply_turn(reply),))
        )

    async def _answer_from_frames(
        self, client: EndpointClient, item: EvalItem, settings: EvalSettings
    ) -> CandidateAnswer:
        from touchline.endpoint.openai_format import (
            build_api_messages,
            build_api_tools,
            format_reply_turn,
        )
        from touchline.model.generate import ConversationWithFrames

        budget, dialogue = self.budget(settings), settings.dialogue
        conversation = ConversationWithFrames(
            item.question, ToolSession(self.transform_frames(item.reel), budget), dialogue
        )
        offers_tool = self.tool and dialogue.thinks
        dialect_endpoint = (
            self.endpoint if offers_tool else self.endpoint.model_copy(update={"calls": "api"})
        )
        offered_tools = build_api_tools(dialect_endpoint) if offers_tool else []
        for _ in range(budget.calls + EXTRA_TURNS):
            messages = build_api_messages(conversation.shown, dialect_endpoint)
            reply = await client.ask(
                build_chat_request(self.endpoint, item.question.id, messages, offered_tools)
            )
            if reply.fault:
                return CandidateAnswer(
                    tuple(extract_assistant_turns(conversation.messages)), reply.fault
                )
            conversation.add_model_turn(format_reply_turn(reply))
            if conversation.done:
                break
        return CandidateAnswer(tuple(extract_assistant_turns(conversation.messages)))
