"""The rewards of reinforcement learning by name: parts that are summed, rules that gate the sum."""

from collections.abc import Callable

from touchline.train.rl.rewards.accuracy import accuracy
from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.closeness import closeness
from touchline.train.rl.rewards.evidence import evidence
from touchline.train.rl.rewards.format_kept import format_kept
from touchline.train.rl.rewards.fresh_windows import fresh_windows
from touchline.train.rl.rewards.gated import gated
from touchline.train.rl.rewards.rule import Rule
from touchline.train.rl.rewards.selective import selective
from touchline.train.rl.rewards.thrift import thrift

PARTS: dict[str, Callable[[Judged, Rule], float]] = {
    "accuracy": accuracy,
    "closeness": closeness,
    "gated": gated,
    "selective": selective,
    "evidence": evidence,
    "thrift": thrift,
}
RULES: dict[str, Callable[[Judged, Rule], bool]] = {
    "format": format_kept,
    "fresh": fresh_windows,
}
