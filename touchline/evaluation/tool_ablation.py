"""Ablation of the frame tool: does the model answer better because it can call it?

The same questions are answered freely, with at least one call forced, without any call, and with
black frames returned by calls (TOOL_MODES). The differences in accuracy say what calls are worth.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image, new

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import Messages, get_chat_tools
from touchline.chat.tools.choose_frames import TOOL_NAME, ClipFrames, FrameBudget, ToolSession
from touchline.chat.turns import format_thinking_turn, split_thought
from touchline.metrics import bootstrap
from touchline.model.generate import ConversationGenerator, ConversationWithFrames
from touchline.model.load import load_model_and_processor
from touchline.model.processor import list_vision_token_ids
from touchline.progress import track_progress
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.tasks.trajectory import build_trajectory

QuestionsWithFrames = Sequence[tuple[Question, ClipFrames]]
TOOL_MODES = ("free", "forced", "forbidden", "masked")
COMPARED_MODES = (("free", "forbidden"), ("free", "masked"), ("forced", "forbidden"))
CALL_OPENING = (
    f'<tool_call>\n{{"name": "{TOOL_NAME}", "arguments": {{"start": "'  # the model names the times
)
TOOL_CALL_TAG = "<tool_call>"


@dataclass(frozen=True)
class ToolAblationSettings:
    """Settings other than the weights that determine the answers and their confidence intervals."""

    budget: FrameBudget
    dialogue: Dialogue
    dtype: str
    turn_tokens: int
    batch: int
    seed: int  # of the bootstrap


@dataclass(frozen=True)
class GuidedGenerator(ConversationGenerator):
    """A ConversationGenerator whose turns can start with a given text and whose tokens `never` are
    suppressed.
    """

    never: tuple[int, ...] = ()

    def _generate(self, talks: list[Messages]) -> list[str]:
        return self.continue_turns(talks, [""] * len(talks))

    @torch.inference_mode()
    def continue_turns(
        self, conversations: Sequence[Messages], prefixes: Sequence[str]
    ) -> list[str]:
        """Generate one turn per conversation, each continuing its prefix; the returned text
        includes the prefix.
        """
        texts: Any = self.processor.apply_chat_template(
            list(conversations),
            tools=get_chat_tools(self.dialogue),
            add_generation_prompt=True,
            tokenize=False,
        )
        pictures = [[b["image"] for m in messages for b in m["content"] if b["type"] == "image"]
                    for messages in conversations]  # fmt: skip
        batch: Any = self.processor(
            text=[text + prefix for text, prefix in zip(texts, prefixes, strict=True)],
            images=pictures if any(pictures) else None,
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
        ids = self.model.generate(
            **batch.to(self.model.device),
            do_sample=False,
            max_new_tokens=self.turn_tokens,
            suppress_tokens=[*list_vision_token_ids(self.processor), *self.never],
        )
        new = ids[:, batch["input_ids"].shape[1] :]
        return [prefix + self._text(row) for prefix, row in zip(prefixes, new, strict=True)]


def measure_tool_ablation(
    model: Path,
    items: QuestionsWithFrames,
    free: Sequence[Trajectory],
    count: int,
    settings: ToolAblationSettings,
) -> dict[str, Any]:
    """Run the ablation on at most `count` questions; `free` holds the model's own answers to all of
    them.

    Returns {questions, called, ways: {task: {mode: {accuracy, frames}}}, gains: {task: {'free -
    forbidden': ...}}} with tasks and 'all'; each estimate is {value, low, high, n}, and differences
    are paired over matches. Returns {} if `count` is 0 or the dialogue has no tool.
    """
    free_by_question = {row.question: row for row in free}
    chosen = sample_questions_evenly(
        [item for item in items if item[0].id in free_by_question], count
    )
    if not chosen or not settings.dialogue.thinks:
        return {}
    net, processor = load_model_and_processor(model, settings.dtype)
    player = GuidedGenerator(
        net.eval(),
        processor,
        settings.budget,
        settings.turn_tokens,
        settings.batch,
        dialogue=settings.dialogue,
    )
    rows = {"free": [free_by_question[question.id] for question, _ in chosen]}
    rows["forced"] = force_tool_calls(player, chosen, rows["free"])
    rows["forbidden"] = generate_trajectories(forbid_tool_calls(player), chosen, "without the tool")
    rows["masked"] = generate_trajectories(
        player, [(q, blacken_called_frames(r, settings.budget)) for q, r in chosen], "masked"
    )
    return {
        "questions": len(chosen),
        "called": _call_share(rows["free"]),
        **summarize_tool_ablation(rows, settings.seed),
    }


def sample_questions_evenly(items: QuestionsWithFrames, count: int) -> QuestionsWithFrames:
    """At most `count` questions, alternating between tasks and, within a task, between matches."""
    by_task: dict[str, dict[str, list]] = {}
    for item in sorted(items, key=lambda item: item[0].id):
        question = item[0]
        by_task.setdefault(question.task, {}).setdefault(question.match, []).append(item)
    tasks = [_interleave(list(matches.values())) for _, matches in sorted(by_task.items())]
    return _interleave(tasks)[:count]


def _interleave(queues: Sequence[Sequence[Any]]) -> list[Any]:
    return [item for turn in zip_longest(*queues) for item in turn if item is not None]


def generate_trajectories(
    player: ConversationGenerator, items: QuestionsWithFrames, name: str
) -> list[Trajectory]:
    """Generate and score the answers of `player`; `name` is the author of the trajectories and
    labels the progress bar.
    """
    attempts = track_progress(
        player.generate_conversations(items), f"necessity: {name}", total=len(items)
    )
    return [
        build_trajectory(name, a.question, a.messages, a.viewing, player.dialogue) for a in attempts
    ]


def force_tool_calls(
    player: GuidedGenerator, items: QuestionsWithFrames, free: Sequence[Trajectory]
) -> list[Trajectory]:
    """The free answers, with those that made no call generated again from a prefix that opens one.

    The prefix keeps the model's own first thought; the model still chooses the times.
    """
    items_without_call = [item for item, row in zip(items, free, strict=True) if not row.windows]
    thoughts = {row.question: _first_thought(row) for row in free}
    row_by_question: dict[str, Trajectory] = {}
    for at in range(0, len(items_without_call), player.batch):
        for attempt in _force_tool_call_batch(
            player, items_without_call[at : at + player.batch], thoughts
        ):
            question = attempt.question
            row = build_trajectory(
                "forced", question, attempt.messages, attempt.viewing, player.dialogue
            )
            row_by_question[question.id] = row
    return [row_by_question.get(row.question, row) for row in free]


def _force_tool_call_batch(
    player: GuidedGenerator, items: QuestionsWithFrames, thoughts: dict[str, str]
) -> list[ConversationWithFrames]:
    attempts = [
        ConversationWithFrames(q, ToolSession(r, player.budget), player.dialogue) for q, r in items
    ]
    prefixes = [format_thinking_turn(thoughts[q.id], CALL_OPENING) for q, _ in items]
    turns = player.continue_turns([attempt.shown for attempt in attempts], prefixes)
    for attempt, turn in zip(attempts, turns, strict=True):
        attempt.add_model_turn(turn)
    for _ in range(player.budget.calls + 1):
        going = [attempt for attempt in attempts if not attempt.done]
        if going:
            player._turn(going)
    return attempts


def _first_thought(row: Trajectory) -> str:
    """The first thought of an attempt, or a bare one where none can be read."""
    turns = [m["content"] for m in json.loads(row.messages) if m["role"] == "assistant"]
    thought_and_rest = (
        split_thought("".join(block["text"] for block in turns[0])) if turns else None
    )
    return thought_and_rest[0] if thought_and_rest and thought_and_rest[0] else "I look again."


def forbid_tool_calls(player: GuidedGenerator) -> GuidedGenerator:
    """A copy of the generator that cannot emit the tool call token and whose budget allows no
    calls.
    """
    call_token = player.processor.tokenizer.convert_tokens_to_ids(TOOL_CALL_TAG)
    has_call_token = (
        call_token is not None and call_token != player.processor.tokenizer.unk_token_id
    )
    budget = player.budget.model_copy(update={"calls": 0})
    return replace(player, budget=budget, never=(call_token,) if has_call_token else ())


def blacken_called_frames(reel: ClipFrames, budget: FrameBudget) -> ClipFrames:
    """The clip's frames where only those of the first fetch are real: frames fetched by calls are
    black.
    """
    opened = budget.first == 0 or not len(reel.times)

    def fetch(times: Sequence[float]) -> list[Image]:
        nonlocal opened
        pictures = reel.fetch(times)
        shown, opened = opened, True
        return [new("RGB", picture.size) for picture in pictures] if shown else pictures

    return replace(reel, fetch=fetch)


def _call_share(rows: Sequence[Trajectory]) -> float:
    return sum(bool(row.windows) for row in rows) / len(rows)


def summarize_tool_ablation(rows: dict[str, list[Trajectory]], seed: int) -> dict[str, Any]:
    """Means per task and tool mode (`ways`) and the differences in COMPARED_MODES (`gains`); 'all'
    pools the tasks.
    """
    tasks = sorted({row.task for row in rows["free"]})
    summary: dict[str, Any] = {"ways": {}, "gains": {}}
    for task in [*tasks, "all"]:
        task_rows = {
            mode: [row for row in mode_rows if task in (row.task, "all")]
            for mode, mode_rows in rows.items()
        }
        summary["ways"][task] = {
            mode: _estimate_means(mode_rows, seed) for mode, mode_rows in task_rows.items()
        }
        summary["gains"][task] = {
            f"{mode_a} - {mode_b}": _estimate_difference(task_rows[mode_a], task_rows[mode_b], seed)
            for mode_a, mode_b in COMPARED_MODES
        }
    return summary


def _estimate_means(rows: Sequence[Trajectory], seed: int) -> dict[str, dict[str, float]]:
    return {
        "accuracy": bootstrap.estimate_metric(_build_ratio_side(rows, "score"), seed)._asdict(),
        "frames": bootstrap.estimate_metric(_build_ratio_side(rows, "frames"), seed)._asdict(),
    }


def _estimate_difference(
    rows_a: Sequence[Trajectory], rows_b: Sequence[Trajectory], seed: int
) -> dict[str, float]:
    return bootstrap.estimate_difference(
        _build_ratio_side(rows_a, "score"), _build_ratio_side(rows_b, "score"), seed
    )._asdict()


def _build_ratio_side(rows: Sequence[Trajectory], field: str) -> bootstrap.MetricRows:
    """One match alone has nothing to draw from: its questions are drawn then, as in `scores`."""
    single_match = len({row.match for row in rows}) == 1
    values = np.array([(float(getattr(row, field)), 1.0) for row in rows])
    return bootstrap.build_ratio_metric(
        values, [row.question if single_match else row.match for row in rows]
    )
