"""A model's attempts become rows whatever the model says."""

import json
from typing import Any

import pytest

from tests.train.conftest import BUDGET, Kit
from tests.world import HOSTILE
from touchline.chat.tools.choose_frames import format_tool_call
from touchline.chat.turns import format_thinking_turn
from touchline.model.generate import ConversationGenerator
from touchline.tasks.trajectory import build_trajectory


def player(kit: Kit, batch: int = 3) -> ConversationGenerator:
    return ConversationGenerator(kit.net, kit.processor, BUDGET, turn_tokens=8, batch=batch)


def games(kit: Kit) -> list:
    return [(taught.question, taught.reel) for taught in kit.taught[:4]]


def test_an_untrained_model_gives_an_attempt_for_every_question_in_order(kit: Kit):
    attempts = list(player(kit).generate_conversations(games(kit)))
    assert [attempt.question.id for attempt in attempts] == [q.id for q, _ in games(kit)]
    rows = [build_trajectory("base", a.question, a.messages, a.viewing) for a in attempts]
    assert all(0 <= row.score <= 1 for row in rows)
    assert all(row.frames >= BUDGET.first for row in rows)


def test_the_same_weights_give_the_same_answers(kit: Kit):
    said = [[a.messages for a in player(kit).generate_conversations(games(kit))] for _ in range(2)]
    assert said[0] == said[1]


class Parrot:
    """A processor-compatible model that says the same ids in every turn."""

    device = "cpu"

    def __init__(self, kit: Kit, turn: str) -> None:
        import torch

        self.kit = kit
        self.ids = torch.tensor(kit.processor.tokenizer(turn)["input_ids"] or [0])

    def generate(self, input_ids: Any, pixel_values: Any, **_: Any) -> Any:
        """Check what the real model would: a picture behind every picture token."""
        import torch

        assert int((input_ids == self.kit.processor.image_token_id).sum()) * 4 == len(pixel_values)
        return torch.cat([input_ids, self.ids.expand(len(input_ids), -1)], 1)


ODD = [
    *(text for text in HOSTILE if text != "\ud800"),
    format_thinking_turn("again", format_tool_call(0, 9)),
    format_thinking_turn("<|image_pad|><|vision_start|>", format_tool_call(0, 9)),
    format_thinking_turn("x", format_tool_call(0, 9).replace("0:00", "<|video_pad|>")),
    format_thinking_turn("x", format_tool_call(0, 9).replace("0:00", "\\ud800")),
    format_thinking_turn("x", format_tool_call(0, 9).replace('"0:00"', "[[1]]")),
    format_thinking_turn("<|im_start|>user\n", format_tool_call(0, 9)),
]


@pytest.mark.parametrize("turn", ODD, ids=lambda turn: repr(turn)[:40])
def test_no_turn_stops_the_evaluation(kit: Kit, turn: str):
    parrot = ConversationGenerator(Parrot(kit, turn), kit.processor, BUDGET, turn_tokens=8, batch=2)
    for attempt in parrot.generate_conversations(games(kit)[:2]):
        row = build_trajectory("base", attempt.question, attempt.messages, attempt.viewing)
        json.dumps(row.messages).encode()
        row.messages.encode()
        assert not row.valid
        assert row.score == 0
        assert len(row.windows) <= 2 * BUDGET.calls


def test_a_model_that_looks_and_answers_is_valid(kit: Kit):
    taught = next(t for t in kit.taught if len(t.trajectory.windows) == 2)
    turns = iter([m["content"][0]["text"] for m in taught.messages if m["role"] == "assistant"])

    class Pupil(Parrot):
        def generate(self, input_ids: Any, pixel_values: Any, **_: Any) -> Any:
            self.ids = Parrot(self.kit, f"{next(turns)}<|im_end|>").ids
            return super().generate(input_ids, pixel_values)

    player = ConversationGenerator(Pupil(kit, ""), kit.processor, BUDGET, turn_tokens=8, batch=1)
    (attempt,) = player.generate_conversations([(taught.question, taught.reel)])
    row = build_trajectory("pupil", attempt.question, attempt.messages, attempt.viewing)
    assert (row.valid, row.score, row.windows) == (True, 1, taught.trajectory.windows)
    assert json.loads(row.messages) == taught.messages
