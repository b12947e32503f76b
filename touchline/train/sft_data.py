"""Data of supervised fine-tuning: the order of a curriculum, and batches in which only the
assistant's tokens are learned.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from trl.chat_template_utils import get_training_chat_template

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.messages import fetch_message_images, get_chat_tools
from touchline.chat.tools.choose_frames import ClipFrames
from touchline.model.processor import FramesProcessor
from touchline.tasks import TASKS

CURRICULUM_PHASES = (("recognition",), ("rules",), ("coaching", "commentary"))


def order_by_curriculum(tasks: Sequence[str], count: int, seed: int) -> list[int]:
    """`count` row numbers in training order; `tasks` holds the task of each row.

    Each phase gets a share of `count` equal to its share of the rows. Within a phase all rows occur
    equally often (give or take one), reshuffled for each pass.
    """
    random = np.random.default_rng(seed)
    phases = [
        [n for n, t in enumerate(tasks) if TASKS[t].level in phase] for phase in CURRICULUM_PHASES
    ]
    edges = np.cumsum([0, *map(len, phases)]) * count // len(tasks)
    return [
        number
        for rows, start, end in zip(phases, edges, edges[1:], strict=False)
        for number in _repeat_shuffled(rows, int(end - start), random)
    ]


def _repeat_shuffled(rows: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    if not count:
        return []
    permutations = [random.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(permutations)[:count].tolist()


class TrajectoryCollator:
    """Rows of {'messages': JSON, 'clip': id} -> a batch with input_ids, labels, pixel_values and
    the rest of the processor's outputs.

    TRL's own collator drops images in tool turns and the tool schema. The token ids built here
    equal those that GRPO builds turn by turn (covered by a test).
    """

    def __init__(
        self,
        processor: FramesProcessor,
        reels: Mapping[str, ClipFrames],
        dialogue: Dialogue = DEFAULT_DIALOGUE,
    ) -> None:
        self.processor, self.reels, self.tools = processor, reels, get_chat_tools(dialogue)
        self.template = get_training_chat_template(processor)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        conversations = [
            fetch_message_images(json.loads(r["messages"]), self.reels[r["clip"]]) for r in rows
        ]
        batch: Any = self.processor.apply_chat_template(
            conversations,
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
