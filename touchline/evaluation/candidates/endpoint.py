"""Candidate kind `endpoint`: a model behind an OpenAI-compatible API, given commentary
or frames.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from touchline.chat.messages import extract_assistant_turns
from touchline.chat.tools.choose_frames import FrameBudget, ToolSession
from touchline.endpoint import Client, Endpoint, each, request
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
    endpoint: Endpoint
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
        self.endpoint.secret()  # a missing key is known before the first question
        return lambda items: asyncio.run(self._answer_items(items, settings))

    async def _answer_items(
        self, items: Sequence[EvalItem], settings: EvalSettings
    ) -> list[CandidateAnswer]:
        answers: dict[str, CandidateAnswer] = {}
        async with Client(self.endpoint, ensure_reply_folder(f"candidate-{self.name}")) as client:

            async def answer_item(item: EvalItem) -> CandidateAnswer:
                if self.sees == "commentary":
                    return await self._answer_from_commentary(client, item, settings)
                return await self._answer_from_frames(client, item, settings)

            async for item, answer in each(items, answer_item, client.at_once):
                answers[item.question.id] = answer
        return [answers[item.question.id] for item in items]

    async def _answer_from_commentary(
        self, client: Client, item: EvalItem, settings: EvalSettings
    ) -> CandidateAnswer:
        from touchline.endpoint.openai_format import chat, turn

        plain = self.endpoint.model_copy(update={"calls": "api"})
        messages = chat(self.build_text_messages(item, settings), plain)
        reply = await client.ask(request(self.endpoint, item.question.id, messages))
        return CandidateAnswer((), reply.fault) if reply.fault else CandidateAnswer((turn(reply),))

    async def _answer_from_frames(
        self, client: Client, item: EvalItem, settings: EvalSettings
    ) -> CandidateAnswer:
        from touchline.endpoint.openai_format import chat, tools, turn
        from touchline.model.generate import ConversationWithFrames

        budget, dialogue = self.budget(settings), settings.dialogue
        conversation = ConversationWithFrames(
            item.question, ToolSession(self.transform_frames(item.reel), budget), dialogue
        )
        offers_tool = self.tool and dialogue.thinks
        dialect_endpoint = (
            self.endpoint if offers_tool else self.endpoint.model_copy(update={"calls": "api"})
        )
        offered_tools = tools(dialect_endpoint) if offers_tool else []
        for _ in range(budget.calls + EXTRA_TURNS):
            messages = chat(conversation.shown, dialect_endpoint)
            reply = await client.ask(
                request(self.endpoint, item.question.id, messages, offered_tools)
            )
            if reply.fault:
                return CandidateAnswer(
                    tuple(extract_assistant_turns(conversation.messages)), reply.fault
                )
            conversation.add_model_turn(turn(reply))
            if conversation.done:
                break
        return CandidateAnswer(tuple(extract_assistant_turns(conversation.messages)))
