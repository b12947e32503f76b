"""Trajectories -> one SFT batch, with loss on the assistant's turns only."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from trl.chat_template_utils import get_training_chat_template

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.chat.messages import tools, with_pictures
from touchline.chat.tools.choose_frames import Reel
from touchline.model.processor import FramesProcessor
from touchline.tasks import TASKS

PHASES = (("recognition",), ("rules",), ("coaching", "commentary"))


def curriculum(tasks: Sequence[str], count: int, seed: int) -> list[int]:
    """`count` row numbers to train on in turn; `tasks` names the task of each row.

    Every phase gets a share as large as its share of the rows. Within a phase each row comes as
    often as any other, give or take one, in an order drawn anew for each pass.
    """
    random = np.random.default_rng(seed)
    phases = [[n for n, t in enumerate(tasks) if TASKS[t].level in phase] for phase in PHASES]
    edges = np.cumsum([0, *map(len, phases)]) * count // len(tasks)
    return [
        number
        for rows, start, end in zip(phases, edges, edges[1:], strict=False)
        for number in _passes(rows, int(end - start), random)
    ]


def _passes(rows: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    if not count:
        return []
    drawn = [random.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(drawn)[:count].tolist()


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
