"""Let a model attempt questions: batched turns, the frame tool answering its calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.chat.messages import Messages, Talk, pictured, tools
from touchline.chat.tools.choose_frames import Budget, Reel, Viewing
from touchline.model.processor import FramesProcessor, vision_tokens
from touchline.records import Question


@dataclass
class Attempt(Talk):
    """A talk with its pictures: `shown` holds the messages as the model gets them."""

    shown: Messages = field(default_factory=list)

    def _add(self, *messages: dict[str, Any]) -> None:
        super()._add(*messages)
        reel = self.viewing.reel
        self.shown.extend({**m, "content": pictured(m["content"], reel)} for m in messages)


@dataclass(frozen=True)
class Player:
    """A model that answers: greedy, so that the same weights give the same answers."""

    model: Any
    processor: FramesProcessor
    budget: Budget
    turn_tokens: int  # at most so many new tokens per turn
    batch: int
    dialogue: Dialogue = PLAIN

    def play(self, games: Sequence[tuple[Question, Reel]]) -> Iterator[Attempt]:
        """Attempts in the order given, a batch at a time."""
        for at in range(0, len(games), self.batch):
            attempts = [
                Attempt(q, Viewing(r, self.budget), self.dialogue)
                for q, r in games[at : at + self.batch]
            ]
            for _ in range(self.budget.calls + 2):
                going = [attempt for attempt in attempts if not attempt.done]
                if going:
                    self._turn(going)
            yield from attempts

    def _turn(self, going: list[Attempt]) -> None:
        for attempt, turn in zip(going, self._generate([a.shown for a in going]), strict=True):
            attempt.hear(turn)

    @torch.inference_mode()
    def _generate(self, talks: list[Messages]) -> list[str]:
        batch: Any = self.processor.apply_chat_template(
            talks,
            tools=tools(self.dialogue),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )
        ids = self.model.generate(
            **batch.to(self.model.device),
            do_sample=False,
            max_new_tokens=self.turn_tokens,
            suppress_tokens=vision_tokens(self.processor),
        )
        new = ids[:, batch["input_ids"].shape[1] :]
        return [self._text(row) for row in new]

    def _text(self, ids: torch.Tensor) -> str:
        """The turn up to its end mark, tool marks kept."""
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        return text.split("<|im_end|>")[0].split("<|endoftext|>")[0]
