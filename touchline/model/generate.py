"""Let a model answer questions: batched greedy generation, the frame tool answering its calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.messages import Conversation, Messages, fetch_block_images, get_chat_tools
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget, ToolSession
from touchline.model.processor import FramesProcessor, list_vision_token_ids
from touchline.records.question import Question


@dataclass
class ConversationWithFrames(Conversation):
    """A conversation with images: `shown` holds the messages as the model gets them."""

    shown: Messages = field(default_factory=list)

    def _add(self, *messages: dict[str, Any]) -> None:
        super()._add(*messages)
        reel = self.viewing.clip_frames
        self.shown.extend(
            {**m, "content": fetch_block_images(m["content"], reel)} for m in messages
        )


@dataclass(frozen=True)
class ConversationGenerator:
    """A model that answers questions with greedy decoding, so that the same weights give the same
    answers.
    """

    model: Any
    processor: FramesProcessor
    budget: FrameBudget
    turn_tokens: int  # at most so many new tokens per turn
    batch: int
    dialogue: Dialogue = DEFAULT_DIALOGUE

    def generate_conversations(
        self, items: Sequence[tuple[Question, ClipFrames]]
    ) -> Iterator[ConversationWithFrames]:
        """Answer (question, clip frames) pairs; yields finished conversations in order, one batch
        at a time.
        """
        for at in range(0, len(items), self.batch):
            attempts = [
                ConversationWithFrames(q, ToolSession(r, self.budget), self.dialogue)
                for q, r in items[at : at + self.batch]
            ]
            for _ in range(self.budget.calls + 2):
                going = [attempt for attempt in attempts if not attempt.done]
                if going:
                    self._turn(going)
            yield from attempts

    def _turn(self, going: list[ConversationWithFrames]) -> None:
        for attempt, turn in zip(going, self._generate([a.shown for a in going]), strict=True):
            attempt.add_model_turn(turn)

    @torch.inference_mode()
    def _generate(self, conversations: list[Messages]) -> list[str]:
        batch: Any = self.processor.apply_chat_template(
            conversations,
            tools=get_chat_tools(self.dialogue),
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
            suppress_tokens=list_vision_token_ids(self.processor),
        )
        new = ids[:, batch["input_ids"].shape[1] :]
        return [self._text(row) for row in new]

    def _text(self, ids: torch.Tensor) -> str:
        """The turn up to its end mark, tool marks kept."""
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        return text.split("<|im_end|>")[0].split("<|endoftext|>")[0]
