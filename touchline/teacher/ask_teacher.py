"""One turn of the served teacher, and the judge's one word."""

from dataclasses import replace
from typing import Any, Self

from touchline.chat.messages import Messages
from touchline.endpoint import Client, Purse, Reply, request
from touchline.endpoint.openai_format import chat, tools
from touchline.state_dirs import ensure_reply_folder
from touchline.teacher.teacher import ServedTeacherParams, TeachingJob

NO_TOOL_CHOICE = {"tool_choice": "none"}  # once no call is left: say the answer
VERDICT_WORDS = {"YES": True, "NO": False}


async def request_teacher_turn(
    tag: str, shown: Messages, calls: int, course: TeachingJob, teacher: Client
) -> Reply:
    """The teacher's next turn after `calls` calls; when none is left it is told to answer."""
    endpoint = teacher.endpoint
    known = tools(endpoint) if course.dialogue.thinks else []
    asked = request(endpoint, tag, chat(shown, endpoint), known)
    if known and calls >= course.budget.calls:
        asked = replace(asked, sampling={**asked.sampling, **NO_TOOL_CHOICE})
    return await teacher.ask(asked)


class TeacherJudge:
    """A second model, asked for YES or NO; its door is not opened where nobody needs it."""

    def __init__(self, settings: ServedTeacherParams, purse: Purse) -> None:
        self.needed = settings.needs_judge
        self.client = Client(settings.judging, ensure_reply_folder("judge"), purse)

    async def __aenter__(self) -> Self:
        if self.needed:
            await self.client.__aenter__()
        return self

    async def __aexit__(self, *what: object) -> None:
        if self.needed:
            await self.client.__aexit__(*what)

    async def ask_yes_or_no(
        self, tag: str, blocks: list[dict[str, Any]]
    ) -> tuple[bool | None, Reply]:
        """(YES or NO, or None for neither; the reply) to what is put to it."""
        said = chat([{"role": "user", "content": blocks}], self.client.endpoint)
        reply = await self.client.ask(request(self.client.endpoint, tag, said))
        word = "".join(c if c.isalpha() else " " for c in reply.text.upper()).split()[:1]
        return VERDICT_WORDS.get(word[0] if word else ""), reply
