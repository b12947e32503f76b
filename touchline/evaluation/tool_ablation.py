"""Is the tool needed? The same questions, answered freely, with a call forced, forbidden or blank.

A model may call the tool and gain nothing by it. What it sees more of is worth what its answers
lose without it; a call whose frames may as well be black is a habit.
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
    """What decides the answers besides the weights."""

    budget: FrameBudget
    dialogue: Dialogue
    dtype: str
    turn_tokens: int
    batch: int
    seed: int  # of the bootstrap


@dataclass(frozen=True)
class GuidedGenerator(ConversationGenerator):
    """A player whose turns may be begun for it, and who may be kept from writing some tokens."""

    never: tuple[int, ...] = ()

    def _generate(self, talks: list[Messages]) -> list[str]:
        return self.continue_turns(talks, [""] * len(talks))

    @torch.inference_mode()
    def continue_turns(self, talks: Sequence[Messages], begun: Sequence[str]) -> list[str]:
        """One turn for each talk, behind the words that it begins with; those are part of it."""
        texts: Any = self.processor.apply_chat_template(
            list(talks),
            tools=get_chat_tools(self.dialogue),
            add_generation_prompt=True,
            tokenize=False,
        )
        pictures = [[b["image"] for m in talk for b in m["content"] if b["type"] == "image"]
                    for talk in talks]  # fmt: skip
        batch: Any = self.processor(
            text=[text + start for text, start in zip(texts, begun, strict=True)],
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
        return [start + self._text(row) for start, row in zip(begun, new, strict=True)]


def measure_tool_ablation(
    model: Path,
    games: QuestionsWithFrames,
    free: Sequence[Trajectory],
    count: int,
    how: ToolAblationSettings,
) -> dict[str, Any]:
    """What the tool is worth to a model on at most `count` of the questions.

    `free` are the model's own answers to all of them, which it need not give again. Per task, and
    of `all`: {WAY: {accuracy, frames}} and {"free - forbidden": ...}, each {value, low, high, n},
    the differences paired over matches. {} where nothing is asked for or no tool is offered.
    """
    given = {row.question: row for row in free}
    chosen = sample_questions_evenly([game for game in games if game[0].id in given], count)
    if not chosen or not how.dialogue.thinks:
        return {}
    net, processor = load_model_and_processor(model, how.dtype)
    player = GuidedGenerator(
        net.eval(), processor, how.budget, how.turn_tokens, how.batch, dialogue=how.dialogue
    )
    rows = {"free": [given[question.id] for question, _ in chosen]}
    rows["forced"] = force_tool_calls(player, chosen, rows["free"])
    rows["forbidden"] = generate_trajectories(forbid_tool_calls(player), chosen, "without the tool")
    rows["masked"] = generate_trajectories(
        player, [(q, blacken_called_frames(r, how.budget)) for q, r in chosen], "masked"
    )
    return {
        "questions": len(chosen),
        "called": _call_share(rows["free"]),
        **summarize_tool_ablation(rows, how.seed),
    }


def sample_questions_evenly(games: QuestionsWithFrames, count: int) -> QuestionsWithFrames:
    """At most `count` games, in turns from every task and within it from every match."""
    by_task: dict[str, dict[str, list]] = {}
    for game in sorted(games, key=lambda game: game[0].id):
        question = game[0]
        by_task.setdefault(question.task, {}).setdefault(question.match, []).append(game)
    tasks = [_interleave(list(matches.values())) for _, matches in sorted(by_task.items())]
    return _interleave(tasks)[:count]


def _interleave(queues: Sequence[Sequence[Any]]) -> list[Any]:
    return [one for turn in zip_longest(*queues) for one in turn if one is not None]


def generate_trajectories(
    player: ConversationGenerator, games: QuestionsWithFrames, name: str
) -> list[Trajectory]:
    """The answers of a player, judged as evaluation does."""
    attempts = track_progress(
        player.generate_conversations(games), f"necessity: {name}", total=len(games)
    )
    return [
        build_trajectory(name, a.question, a.messages, a.viewing, player.dialogue) for a in attempts
    ]


def force_tool_calls(
    player: GuidedGenerator, games: QuestionsWithFrames, free: Sequence[Trajectory]
) -> list[Trajectory]:
    """The answers after at least one call: it is begun where the model answered without any.

    Its own first thought stays; the times it wants to see are its own too.
    """
    direct = [game for game, row in zip(games, free, strict=True) if not row.windows]
    thoughts = {row.question: _first_thought(row) for row in free}
    again: dict[str, Trajectory] = {}
    for at in range(0, len(direct), player.batch):
        for attempt in _force_tool_call_batch(player, direct[at : at + player.batch], thoughts):
            question = attempt.question
            row = build_trajectory(
                "forced", question, attempt.messages, attempt.viewing, player.dialogue
            )
            again[question.id] = row
    return [again.get(row.question, row) for row in free]


def _force_tool_call_batch(
    player: GuidedGenerator, games: QuestionsWithFrames, thoughts: dict[str, str]
) -> list[ConversationWithFrames]:
    attempts = [
        ConversationWithFrames(q, ToolSession(r, player.budget), player.dialogue) for q, r in games
    ]
    begun = [format_thinking_turn(thoughts[q.id], CALL_OPENING) for q, _ in games]
    turns = player.continue_turns([attempt.shown for attempt in attempts], begun)
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
    found = split_thought("".join(block["text"] for block in turns[0])) if turns else None
    return found[0] if found and found[0] else "I look again."


def forbid_tool_calls(player: GuidedGenerator) -> GuidedGenerator:
    """A player that can open no call; one that it spells out in letters is refused."""
    mark = player.processor.tokenizer.convert_tokens_to_ids(TOOL_CALL_TAG)
    known = mark is not None and mark != player.processor.tokenizer.unk_token_id
    budget = player.budget.model_copy(update={"calls": 0})
    return replace(player, budget=budget, never=(mark,) if known else ())


def blacken_called_frames(reel: ClipFrames, budget: FrameBudget) -> ClipFrames:
    """A clip of which only the first look shows anything: what a call brings is black."""
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
    """The means of every way and their differences, per task and of all."""
    tasks = sorted({row.task for row in rows["free"]})
    found: dict[str, Any] = {"ways": {}, "gains": {}}
    for task in [*tasks, "all"]:
        part = {
            way: [row for row in given if task in (row.task, "all")] for way, given in rows.items()
        }
        found["ways"][task] = {way: _estimate_means(given, seed) for way, given in part.items()}
        found["gains"][task] = {
            f"{ours} - {theirs}": _estimate_difference(part[ours], part[theirs], seed)
            for ours, theirs in COMPARED_MODES
        }
    return found


def _estimate_means(rows: Sequence[Trajectory], seed: int) -> dict[str, dict[str, float]]:
    return {
        "accuracy": bootstrap.estimate_metric(_build_ratio_side(rows, "score"), seed)._asdict(),
        "frames": bootstrap.estimate_metric(_build_ratio_side(rows, "frames"), seed)._asdict(),
    }


def _estimate_difference(
    ours: Sequence[Trajectory], theirs: Sequence[Trajectory], seed: int
) -> dict[str, float]:
    return bootstrap.estimate_difference(
        _build_ratio_side(ours, "score"), _build_ratio_side(theirs, "score"), seed
    )._asdict()


def _build_ratio_side(rows: Sequence[Trajectory], field: str) -> bootstrap.MetricRows:
    """One match alone has nothing to draw from: its questions are drawn then, as in `scores`."""
    alone = len({row.match for row in rows}) == 1
    values = np.array([(float(getattr(row, field)), 1.0) for row in rows])
    return bootstrap.build_ratio_metric(
        values, [row.question if alone else row.match for row in rows]
    )
