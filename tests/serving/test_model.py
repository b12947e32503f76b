"""A served model says what it says without a server, and refuses what it cannot read."""

import asyncio
from typing import Any

import pytest

from tests.endpoint.conftest import at
from tests.train.conftest import BUDGET, Kit, kit
from touchline.chat.tools.choose_frames import ToolSession
from touchline.endpoint.openai_format import build_api_messages, build_api_tools, format_reply_turn
from touchline.endpoint.reply import ChatReply
from touchline.model.generate import ConversationGenerator, ConversationWithFrames
from touchline.serving.model import load_served_model
from touchline.serving.server import UnsupportedRequestError

__all__ = ["kit"]
ENDPOINT = at("http://127.0.0.1:1/v1")


def body(attempt: ConversationWithFrames, **more: Any) -> dict[str, Any]:
    return {
        "model": "tiny",
        "messages": build_api_messages(attempt.shown, ENDPOINT),
        "tools": build_api_tools(ENDPOINT),
        "max_tokens": 24,
        "temperature": 0,
    } | more


def test_a_served_student_sees_and_says_the_same_as_in_the_evaluation(kit: Kit):
    games = [(one.question, one.reel) for one in kit.taught[:3]]
    player = ConversationGenerator(
        kit.net, kit.processor, BUDGET.model_copy(update={"calls": 0}), 24, 3
    )
    played = list(player.generate_conversations(games))
    said = [attempt.messages[2]["content"][0]["text"] for attempt in played]
    fresh = [
        ConversationWithFrames(question, ToolSession(reel, BUDGET)) for question, reel in games
    ]
    model = load_served_model(kit.folder, 3)

    async def ask() -> list[dict]:
        return await asyncio.gather(*[model.complete_chat(body(attempt)) for attempt in fresh])

    for reply, wanted in zip(asyncio.run(ask()), said, strict=True):
        heard = reply["message"]
        text = format_reply_turn(
            ChatReply(text=heard["content"] or "", thought=heard["reasoning_content"])
        )
        assert text.strip() == wanted.strip()
        assert reply["usage"]["prompt_tokens"] > 20
        assert reply["finish_reason"] in ("length", "stop")


@pytest.mark.parametrize("url", ["http://example.org/a.png", "data:image/png;base64,xx", "/etc/x"])
def test_pictures_come_with_the_message_or_not_at_all(kit: Kit, url: str):
    block = {"type": "image_url", "image_url": {"url": url}}
    asked = {"model": "tiny", "messages": [{"role": "user", "content": [block]}]}
    with pytest.raises(UnsupportedRequestError, match="picture"):
        asyncio.run(load_served_model(kit.folder, 1).complete_chat(asked))
