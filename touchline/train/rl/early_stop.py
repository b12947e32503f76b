"""Stop RL when it cannot learn: rollouts break the format, calls fail, or no group has an
advantage.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from touchline.chat.turns import TOOL_CALL_TAG
from touchline.config import Params
from touchline.errors import InputError
from touchline.records.rollout import Rollout
from touchline.records.table import group_by_field, read_records
from touchline.train.rl.groups import REWARD_TOLERANCE

if TYPE_CHECKING:
    from touchline.train.rl.reward_fn import RolloutReward


class StopLimits(Params):
    """Thresholds for stopping, applied to the last `steps` steps together."""

    steps: int  # so many; fewer are not judged
    format: float  # share of rollouts that keep the format, at least
    calls: float  # share of the calls tried that the tool takes, at least
    silent: int  # so many steps in a row without one group that tells anything; 0: never stop


@dataclass(frozen=True)
class StepCounts:
    """Counts over one step's rollouts."""

    step: int
    rollouts: int
    valid: int
    calls_tried: int  # turns that try to call the tool
    calls_answered: int  # calls that it answered with frames
    silent: bool  # no attempt of any group has an advantage over another


def count_step_rollouts(rows: Sequence[Rollout]) -> StepCounts:
    """Count the rollouts of one step."""
    tried = [_assistant_texts(row) for row in rows]
    groups = group_by_field(rows, "group").values()
    paid = [[row.paid for row in group] for group in groups]
    return StepCounts(
        step=rows[0].step,
        rollouts=len(rows),
        valid=sum(row.valid for row in rows),
        calls_tried=sum(TOOL_CALL_TAG in turn for turns in tried for turn in turns),
        calls_answered=sum(len(row.windows) // 2 for row in rows),
        silent=all(max(rewards) - min(rewards) < REWARD_TOLERANCE for rewards in paid),
    )


def _assistant_texts(row: Rollout) -> list[str]:
    contents = [m["content"] for m in json.loads(row.messages) if m["role"] == "assistant"]
    return ["".join(block["text"] for block in content) for content in contents]


def find_stop_reason(recent: Sequence[StepCounts], limits: StopLimits) -> str:
    """The reason to stop training, as one sentence; '' to go on."""
    last = list(recent)[-limits.steps :]
    if len(last) == limits.steps and last:
        count, tried = sum(s.rollouts for s in last), sum(s.calls_tried for s in last)
        valid, taken = sum(s.valid for s in last), sum(s.calls_answered for s in last)
        over = f"of {{}} over the last {len(last)} steps"
        if valid < limits.format * count:
            return f"{valid} {over.format(f'{count} rollouts')} keep the format"
        if tried >= len(last) and taken < limits.calls * tried:
            return f"{taken} {over.format(f'{tried} calls')} could be answered"
    quiet = list(recent)[-limits.silent :] if limits.silent else []
    if quiet and len(quiet) == limits.silent and all(step.silent for step in quiet):
        return f"{len(quiet)} steps in a row had no group in which one attempt beat another"
    return ""


def load_step_counts(folder: Path, before: int) -> list[StepCounts]:
    """The counts of all steps before `before`, for a resumed training."""
    files = (folder / f"step-{step:08d}.parquet" for step in range(before))
    return [count_step_rollouts(read_records(file, Rollout)) for file in files if file.is_file()]


class StopHopelessRlCallback(TrainerCallback):
    """Trainer callback: stop with a checkpoint when `find_stop_reason` gives a reason.

    Every process sees the rollouts of all, so all stop at the same step.
    """

    def __init__(self, reward: "RolloutReward", limits: StopLimits) -> None:
        self.reward, self.limits, self.reason = reward, limits, ""

    def resume_at(self, step: int) -> None:
        """Load the counts of the steps before `step`; raise `InputError` if they were already
        reason to stop.
        """
        self.reward.recent = load_step_counts(self.reward.folder, step)
        self._judge()
        self.raise_if_stopped(step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if self._judge():
            control.should_save = control.should_training_stop = True
        return control

    def _judge(self) -> bool:
        self.reason = find_stop_reason(self.reward.recent, self.limits)
        return bool(self.reason)

    def raise_if_stopped(self, step: int) -> None:
        """Raise `InputError` with the reason if training was stopped early; its checkpoints
        stay.
        """
        if self.reason:
            rollouts = f"look at the rollouts in {self.reward.folder}"
            remedy = f"{rollouts}, train SFT longer or on more lessons, or change rl.stop"
            raise InputError(f"rl stopped at step {step}", self.reason, remedy)
