"""A model behind an OpenAI-compatible endpoint, on commentary alone or shown frames."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from touchline.chat.messages import assistant_turns
from touchline.chat.tools.choose_frames import Budget, Viewing
from touchline.endpoint import Client, Endpoint, each, request
from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.state_dirs import reply_folder

LATEST = 2  # turns beyond the calls a budget allows: one refused call, then the answer


class Served(Candidate):
    """`sees` is frames, with or without the tool, or the commentary alone."""

    kind: Literal["endpoint"]
    endpoint: Endpoint
    sees: Literal["frames", "commentary"]
    tool: bool  # whether it is told of choose_frames; without frames there is none

    local: ClassVar[bool] = False

    @property
    def senses(self) -> Literal["frames", "commentary"]:  # type: ignore[override]
        return self.sees

    def budget(self, setting: Setting) -> Budget:
        if self.tool:
            return setting.budget
        return setting.budget.model_copy(update={"calls": 0})

    def identity(self, setting: Setting) -> list[Any]:
        """The server by its address; of a name such as `o4-mini` it alone knows the weights."""
        asked = self.endpoint.model_dump(include={"url", "model", "calls", "frames_in", "pictures"})
        return [asked, self.endpoint.sampling, self.sees, self.tool]

    def open(self, setting: Setting) -> Answer:
        self.endpoint.secret()  # a missing key is known before the first question
        return lambda games: asyncio.run(self._say(games, setting))

    async def _say(self, games: Sequence[Game], setting: Setting) -> list[Said]:
        found: dict[str, Said] = {}
        async with Client(self.endpoint, reply_folder(f"candidate-{self.name}")) as client:

            async def talk(game: Game) -> Said:
                if self.sees == "commentary":
                    return await self._read(client, game, setting)
                return await self._watch(client, game, setting)

            async for game, said in each(games, talk, client.at_once):
                found[game.question.id] = said
        return [found[game.question.id] for game in games]

    async def _read(self, client: Client, game: Game, setting: Setting) -> Said:
        from touchline.endpoint.openai_format import chat, turn

        plain = self.endpoint.model_copy(update={"calls": "api"})
        messages = chat(self.asked(game, setting), plain)
        reply = await client.ask(request(self.endpoint, game.question.id, messages))
        return Said((), reply.fault) if reply.fault else Said((turn(reply),))

    async def _watch(self, client: Client, game: Game, setting: Setting) -> Said:
        from touchline.endpoint.openai_format import chat, tools, turn
        from touchline.model.generate import Attempt

        budget, dialogue = self.budget(setting), setting.dialogue
        attempt = Attempt(game.question, Viewing(self.looking(game.reel), budget), dialogue)
        told = self.tool and dialogue.thinks
        spoken = self.endpoint if told else self.endpoint.model_copy(update={"calls": "api"})
        offered = tools(spoken) if told else []
        for _ in range(budget.calls + LATEST):
            messages = chat(attempt.shown, spoken)
            reply = await client.ask(request(self.endpoint, game.question.id, messages, offered))
            if reply.fault:
                return Said(tuple(assistant_turns(attempt.messages)), reply.fault)
            attempt.hear(turn(reply))
            if attempt.done:
                break
        return Said(tuple(assistant_turns(attempt.messages)))
