"""Trajectories -> one SFT batch, with loss on the assistant's turns only."""

import json
from collections.abc import Mapping
from typing import Any

from trl.chat_template_utils import get_training_chat_template

from touchline.dialogue import PLAIN, Dialogue
from touchline.student.conversation import tools, with_pictures
from touchline.student.processor import FramesProcessor
from touchline.tools.choose_frames import Reel


class TrajectoryCollator:
    """Rows of {"messages": JSON, "clip": id} -> input_ids, labels, pixel_values ...

    TRL's own collator drops pictures in tool turns and the tools' schema; the ids built here equal
    those that GRPO builds turn by turn (a test holds this).
    """

    def __init__(
        self, processor: FramesProcessor, reels: Mapping[str, Reel], dialogue: Dialogue = PLAIN
    ) -> None:
        self.processor, self.reels, self.tools = processor, reels, tools(dialogue)
        self.template = get_training_chat_template(processor)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        talks = [with_pictures(json.loads(r["messages"]), self.reels[r["clip"]]) for r in rows]
        batch: Any = self.processor.apply_chat_template(
            talks,
            tools=self.tools,
            chat_template=self.template,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            return_assistant_tokens_mask=True,
            processor_kwargs={"padding": True, "padding_side": "right"},
        )
        labels = batch["input_ids"].clone()
        labels[batch.pop("assistant_masks") == 0] = -100
        labels[batch["attention_mask"] == 0] = -100
        return {**batch, "labels": labels}
