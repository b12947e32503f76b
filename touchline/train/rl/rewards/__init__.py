"""The reward of RL: named parts that are summed, and rules that gate the sum."""

from collections.abc import Callable

from touchline.train.rl.rewards.accuracy import reward_accuracy
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.closeness import reward_closeness
from touchline.train.rl.rewards.evidence import reward_evidence_overlap
from touchline.train.rl.rewards.format_kept import check_format_kept
from touchline.train.rl.rewards.fresh_windows import check_fresh_windows
from touchline.train.rl.rewards.gated import reward_gated_tool_use
from touchline.train.rl.rewards.rule import RewardParams
from touchline.train.rl.rewards.selective import reward_selective_tool_use
from touchline.train.rl.rewards.thrift import reward_thrift

REWARD_PARTS: dict[str, Callable[[AttemptFacts, RewardParams], float]] = {
    "accuracy": reward_accuracy,
    "closeness": reward_closeness,
    "gated": reward_gated_tool_use,
    "selective": reward_selective_tool_use,
    "evidence": reward_evidence_overlap,
    "thrift": reward_thrift,
}
REWARD_RULES: dict[str, Callable[[AttemptFacts, RewardParams], bool]] = {
    "format": check_format_kept,
    "fresh": check_fresh_windows,
}
