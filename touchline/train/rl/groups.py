"""GRPO groups: compare the outcomes of the attempts at one question with their rewards.

GRPO learns from differences within a group. Where all answers are equally good, any advantage comes
from shaping alone, parts of the reward unrelated to the answer. Among equally wrong answers that is
a *phantom advantage*: it teaches one way of being wrong over another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

REWARD_TOLERANCE = (
    1e-6  # two rewards nearer than this are equal in the float32 in which TRL keeps them
)
MEAN_DENOMINATOR = 1024  # see `levelled`


@dataclass(frozen=True)
class AttemptGroup:
    """The attempts at one question, in TRL's order."""

    outcomes: Sequence[float]  # accuracies in [0, 1]
    rewards: Sequence[float]

    @property
    def same_outcome(self) -> bool:
        """Whether all answers are equally good."""
        return max(self.outcomes) - min(self.outcomes) < REWARD_TOLERANCE

    @property
    def no_signal(self) -> bool:
        """Whether no attempt has an advantage over another."""
        return max(self.rewards) - min(self.rewards) < REWARD_TOLERANCE

    def has_phantom_advantage(self, gate: float) -> bool:
        """Whether equally wrong answers get an advantage all the same."""
        return self.same_outcome and not self.no_signal and max(self.outcomes) < gate


def split_into_groups(
    outcomes: Sequence[float], rewards: Sequence[float], size: int
) -> list[AttemptGroup]:
    """Split consecutive attempts into groups of `size`, as TRL does."""
    cuts = [slice(at, at + size) for at in range(0, len(rewards), size)]
    return [AttemptGroup(outcomes[cut], rewards[cut]) for cut in cuts]


def level_equal_outcome_groups(groups: Sequence[AttemptGroup]) -> list[AttemptGroup]:
    """Group filter on the outcome: groups whose answers are all equally good get equal rewards,
    hence no advantage.
    """
    return [level_group_rewards(group) if group.same_outcome else group for group in groups]


def level_group_rewards(group: AttemptGroup) -> AttemptGroup:
    """Give every attempt the group's mean reward, so that TRL computes no advantage.

    TRL has no such filter, and a reward of None would drop the group from the logged reward. The
    mean is rounded to a binary fraction, so that float32 averages it exactly: the advantage is 0,
    not a rounding error that `scale_rewards: group` would magnify by 10,000.
    """
    mean = sum(group.rewards) / len(group.rewards)
    return AttemptGroup(
        group.outcomes, [round(mean * MEAN_DENOMINATOR) / MEAN_DENOMINATOR] * len(group.rewards)
    )


def compute_group_shares(groups: Sequence[AttemptGroup], gate: float) -> dict[str, float]:
    """Shares of groups with equal outcomes, with no advantage, and with a phantom advantage, as
    handed to TRL.
    """
    return {
        "groups/same_outcome": sum(group.same_outcome for group in groups) / len(groups),
        "groups/no_signal": sum(group.no_signal for group in groups) / len(groups),
        "groups/phantom": sum(group.has_phantom_advantage(gate) for group in groups) / len(groups),
    }
