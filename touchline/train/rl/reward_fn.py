"""The reward function given to TRL: scores a batch of rollouts, logs metrics and writes replayable
rows.
"""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from touchline.chat.messages import Messages, build_messages, extract_assistant_turns
from touchline.chat.tools.choose_frames import REPEATED_REPLY
from touchline.chat.turns import ENDINGS, classify_ending
from touchline.model.pixels import digest_pixels, flatten_turn_frames
from touchline.model.processor import FramesProcessor
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import pair_times, read_records, write_records
from touchline.tasks import TASKS
from touchline.tasks.trajectory import build_trajectory
from touchline.train.distributed import gather_from_ranks, is_main_process, take_rank_slice
from touchline.train.rl.early_stop import StepCounts, count_step_rollouts
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.groups import (
    compute_group_shares,
    level_equal_outcome_groups,
    split_into_groups,
)
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.evidence import compute_interval_set_iou, find_evidence_hits
from touchline.train.rl.rewards.rule import RewardParams
from touchline.train.rl.rewards.total import RewardBreakdown, compute_reward

ASSISTANT_MARK = "<|im_start|>assistant\n"


@dataclass(frozen=True)
class ScoredRollout:
    """One rollout as a row, with the facts and the breakdown of its reward."""

    row: Rollout
    facts: AttemptFacts
    total: RewardBreakdown


class RolloutReward:
    """Reward function with TRL's signature, around `compute_reward`; returns one reward per
    rollout.

    Groups may span processes, so each process gathers all rollouts of a step. Each step's rollouts
    are written to a file in `folder`, which a resumed training reproduces byte for byte.
    """

    __name__ = "total"  # TRL names the metric after it

    def __init__(
        self,
        questions: Mapping[str, Question],
        processor: FramesProcessor,
        params: RewardParams,
        size: int,
        folder: Path,
        direct: Set[str],
    ) -> None:
        """`size` is the number of rollouts per group; `direct` holds the ids of questions that need
        no second look.
        """
        self.questions, self.processor, self.params = questions, processor, params
        self.size, self.folder, self.direct = size, folder, direct
        self.step, self.rows = -1, list[Rollout]()
        self.recent: list[StepCounts] = []  # what `Stop` looks at

    def __call__(
        self,
        completions: list[Messages],
        completion_ids: list[list[int]],
        environments: list[ClipEnvironment],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        attempts = zip(completions, completion_ids, environments, strict=True)
        scored = gather_from_ranks([self.score_rollout(*attempt) for attempt in attempts])
        outcomes = [get_outcome(p.facts, self.params) for p in scored]
        earned = [p.total.reward for p in scored]
        groups = split_into_groups(outcomes, earned, self.size)
        groups = level_equal_outcome_groups(groups) if self.params.filter == "outcome" else groups
        paid = [reward for group in groups for reward in group.rewards]
        for name, value in {
            **compute_rollout_metrics(scored),
            **compute_group_shares(groups, self.params.gate),
        }.items():
            log_metric(name, value)
        self._write_step(trainer_state.global_step, [played.row for played in scored], paid)
        return take_rank_slice(paid)

    def score_rollout(
        self, completion: Messages, ids: list[int], environment: ClipEnvironment
    ) -> ScoredRollout:
        """Score one rollout from the very token ids that are trained on."""
        question, viewing = environment._question, environment._viewing
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        opening = build_messages(question, environment._opening)
        shown = viewing.seen_times[
            sum(block["type"] == "image" for block in environment._opening) :
        ]
        messages = [
            *opening,
            *interleave_tool_replies(split_assistant_turns(text), completion, shown),
        ]
        row = build_trajectory("rl", question, messages, viewing)
        pictures = [b for m in messages for b in m["content"] if b["type"] == "image"]
        row = replace(row, frames=len(pictures))  # a reply that did not fit was not seen
        facts = AttemptFacts(
            accuracy=row.score,
            closeness=TASKS[question.task].closeness(row.answer, question.truth),
            format_kept=row.valid,
            repeated_window=REPEATED_REPLY in viewing.faults,
            windows=tuple(viewing.windows),
            evidence=tuple(pair_times(question.evidence)),
            direct=question.id in self.direct,
        )
        paid = compute_reward(facts, self.params)
        more = {
            "step": 0,
            "group": 0,
            "tokens": list(ids),
            "shown": [digest_pixels(p) for _, _, p in flatten_turn_frames(environment._shown)][
                : len(pictures)
            ],
            "ending": classify_ending(extract_assistant_turns(messages), viewing),
            "direct": facts.direct,
            "parts": json.dumps(paid.parts, sort_keys=True),
            "earned": paid.reward,
            "paid": paid.reward,
        }
        return ScoredRollout(Rollout(**asdict(row), **more), facts, paid)

    def _write_step(self, step: int, rows: Sequence[Rollout], paid: Sequence[float]) -> None:
        """Write the step's rollouts, those of an earlier batch of the same step before them."""
        if step != self.step:
            self.step, self.rows = step, []
        for row, reward in zip(rows, paid, strict=True):
            at = len(self.rows)
            more = {"step": step, "group": at // self.size, "paid": reward}
            self.rows.append(replace(row, id=f"rl:{step}:{at}", **more))
        self.recent = [
            *(counts for counts in self.recent if counts.step < step),
            count_step_rollouts(self.rows),
        ]
        if is_main_process():
            write_records(self.folder / f"step-{step:08d}.parquet", Rollout, self.rows)


def get_outcome(attempt: AttemptFacts, params: RewardParams) -> float:
    """The outcome that the group filter compares: closeness where it is rewarded, else accuracy."""
    return attempt.closeness if params.weights.closeness else attempt.accuracy


def compute_rollout_metrics(scored: Sequence[ScoredRollout]) -> dict[str, float]:
    """Metrics to log: means over rollouts, and counts per ending. Window metrics only cover
    rollouts with tool windows and evidence.
    """

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    looked = [p.facts for p in scored if p.facts.windows and p.facts.evidence]
    windows = (
        {
            "windows/hit": mean([hit for facts in looked for hit in find_evidence_hits(facts)]),
            "windows/iou": mean(
                [compute_interval_set_iou(facts.windows, facts.evidence) for facts in looked]
            ),
        }
        if looked
        else {}
    )
    return {
        "accuracy": mean([p.facts.accuracy for p in scored]),
        "tool_rate": mean([p.facts.called_tool for p in scored]),
        "tool_calls": mean([len(p.facts.windows) for p in scored]),
        "frames": mean([p.row.frames for p in scored]),
        **{name: mean([p.total.rules[name] for p in scored]) for name in scored[0].total.rules},
        **{f"parts/{n}": mean([p.total.parts[n] for p in scored]) for n in scored[0].total.parts},
        **windows,
        **{f"endings/{e}": float(sum(p.row.ending == e for p in scored)) for e in ENDINGS},
    }


def interleave_tool_replies(
    turns: Sequence[str], completion: Messages, shown: Sequence[float]
) -> Messages:
    """Full messages of a rollout: the model's turns with the tool's replies between them, images
    named by their time.

    `completion` is TRL's record of the rollout, the only source of the texts with which failed
    calls were answered. `shown` are the times of the frames the tool returned.
    """
    times, replies = iter(shown), list[Messages]()
    for message in completion:
        if message["role"] == "assistant":
            replies.append([])
        elif replies:
            replies[-1].append(
                {**message, "content": _name_images_by_time(message["content"], times)}
            )
    messages: Messages = []
    for at, turn in enumerate(turns):
        messages.append({"role": "assistant", "content": [{"type": "text", "text": turn}]})
        messages += replies[at] if at < len(replies) else []
    return messages


def _name_images_by_time(content: Any, times: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        return [{"type": "text", "text": str(content)}]
    return [
        {"type": "image", "time": next(times)} if block["type"] == "image" else block
        for block in content
    ]


def split_assistant_turns(completion: str) -> list[str]:
    """The assistant's turns of a decoded completion, tool turns left out."""
    return [part.split("<|im_end|>")[0] for part in completion.split(ASSISTANT_MARK)]


def read_step_rollouts(folder: Path, steps: int) -> list[Rollout]:
    """All rollouts written by the first `steps` steps, in order."""
    files = (folder / f"step-{step:08d}.parquet" for step in range(steps))
    return [row for file in files if file.is_file() for row in read_records(file, Rollout)]
