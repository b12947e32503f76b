"""What a group of attempts at one question can teach: its outcomes against its rewards.

GRPO learns from what differs within a group. Where the answers are all equally good, any advantage
comes from the shaping alone: parts of the reward that say nothing about the answer. Among equally
wrong answers that is a *phantom advantage*: it teaches one way of being wrong over another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NOISE = 1e-6  # two rewards nearer than this are equal in the float32 in which TRL keeps them
GRAIN = 1024  # see `levelled`


@dataclass(frozen=True)
class Group:
    """The attempts at one question, in TRL's order."""

    outcomes: Sequence[float]  # accuracies in [0, 1]
    rewards: Sequence[float]

    @property
    def alike(self) -> bool:
        """Whether all answers are equally good."""
        return max(self.outcomes) - min(self.outcomes) < NOISE

    @property
    def silent(self) -> bool:
        """Whether no attempt has an advantage over another."""
        return max(self.rewards) - min(self.rewards) < NOISE

    def phantom(self, gate: float) -> bool:
        """Whether equally wrong answers get an advantage all the same."""
        return self.alike and not self.silent and max(self.outcomes) < gate


def divided(outcomes: Sequence[float], rewards: Sequence[float], size: int) -> list[Group]:
    """Consecutive attempts as groups, as TRL divides them."""
    cuts = [slice(at, at + size) for at in range(0, len(rewards), size)]
    return [Group(outcomes[cut], rewards[cut]) for cut in cuts]


def filtered(groups: Sequence[Group]) -> list[Group]:
    """The group filter on the outcome: groups whose answers are all alike get no advantage."""
    return [levelled(group) if group.alike else group for group in groups]


def levelled(group: Group) -> Group:
    """Every attempt is paid the group's mean, so that TRL finds no advantage in it.

    TRL has no filter of its own, and a reward of None drops the group from the logged reward. The
    mean is rounded to a binary fraction: float32 then averages it exactly, and the advantage is 0
    and not a rounding error that `scale_rewards: group` would blow up by 10,000.
    """
    mean = sum(group.rewards) / len(group.rewards)
    return Group(group.outcomes, [round(mean * GRAIN) / GRAIN] * len(group.rewards))


def shares(groups: Sequence[Group], gate: float) -> dict[str, float]:
    """Shares of the groups, as they are handed to TRL."""
    return {
        "groups/same_outcome": sum(group.alike for group in groups) / len(groups),
        "groups/no_signal": sum(group.silent for group in groups) / len(groups),
        "groups/phantom": sum(group.phantom(gate) for group in groups) / len(groups),
    }
