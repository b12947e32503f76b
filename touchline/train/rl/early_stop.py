"""When RL cannot teach: a student without a valid turn, or groups that all tell nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from touchline.chat.turns import CALL
from touchline.config import Params
from touchline.errors import BadInput
from touchline.records import Rollout, grouped, read
from touchline.train.rl.groups import NOISE

if TYPE_CHECKING:
    from touchline.train.rl.reward_fn import Reward


class Limits(Params):
    """What a student must still do, judged over the last steps together."""

    steps: int  # so many; fewer are not judged
    format: float  # share of rollouts that keep the format, at least
    calls: float  # share of the calls tried that the tool takes, at least
    silent: int  # so many steps in a row without one group that tells anything; 0: never stop


@dataclass(frozen=True)
class Step:
    """One step's rollouts, counted."""

    step: int
    rollouts: int
    valid: int
    tried: int  # turns that try to call the tool
    taken: int  # calls that it answered with frames
    silent: bool  # no attempt of any group has an advantage over another


def step_of(rows: Sequence[Rollout]) -> Step:
    """Count the rollouts of one step."""
    tried = [_turns(row) for row in rows]
    groups = grouped(rows, "group").values()
    paid = [[row.paid for row in group] for group in groups]
    return Step(
        rows[0].step,
        len(rows),
        sum(row.valid for row in rows),
        sum(CALL in turn for turns in tried for turn in turns),
        sum(len(row.windows) // 2 for row in rows),
        all(max(one) - min(one) < NOISE for one in paid),
    )


def _turns(row: Rollout) -> list[str]:
    said = [m["content"] for m in json.loads(row.messages) if m["role"] == "assistant"]
    return ["".join(block["text"] for block in content) for content in said]


def verdict(recent: Sequence[Step], limits: Limits) -> str:
    """Why training should stop, in one sentence; "" to go on."""
    last = list(recent)[-limits.steps :]
    if len(last) == limits.steps and last:
        count, tried = sum(s.rollouts for s in last), sum(s.tried for s in last)
        valid, taken = sum(s.valid for s in last), sum(s.taken for s in last)
        over = f"of {{}} over the last {len(last)} steps"
        if valid < limits.format * count:
            return f"{valid} {over.format(f'{count} rollouts')} keep the format"
        if tried >= len(last) and taken < limits.calls * tried:
            return f"{taken} {over.format(f'{tried} calls')} could be answered"
    quiet = list(recent)[-limits.silent :] if limits.silent else []
    if quiet and len(quiet) == limits.silent and all(step.silent for step in quiet):
        return f"{len(quiet)} steps in a row had no group in which one attempt beat another"
    return ""


def remembered(folder: Path, before: int) -> list[Step]:
    """The steps of a training that is taken up again at step `before`."""
    files = (folder / f"step-{step:08d}.parquet" for step in range(before))
    return [step_of(read(file, Rollout)) for file in files if file.is_file()]


class Stop(TrainerCallback):
    """Ends training with a checkpoint, once a step leaves nothing to hope for.

    Every process is given the rollouts of all, so that all stop at the same step.
    """

    def __init__(self, reward: "Reward", limits: Limits) -> None:
        self.reward, self.limits, self.why = reward, limits, ""

    def take_up(self, step: int) -> None:
        """Know the steps before this one, and raise at once where they were the end."""
        self.reward.recent = remembered(self.reward.folder, step)
        self._judge()
        self.demand(step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if self._judge():
            control.should_save = control.should_training_stop = True
        return control

    def _judge(self) -> bool:
        self.why = verdict(self.reward.recent, self.limits)
        return bool(self.why)

    def demand(self, step: int) -> None:
        """Say why a training ended before its time; its checkpoints stay."""
        if self.why:
            rollouts = f"look at the rollouts in {self.reward.folder}"
            remedy = f"{rollouts}, train SFT longer or on more lessons, or change rl.stop"
            raise BadInput(f"rl stopped at step {step}", self.why, remedy)
