"""The rewards of reinforcement learning by name: parts that are summed, rules that gate the sum."""

from collections.abc import Callable

from touchline.rewards.accuracy import accuracy
from touchline.rewards.closeness import closeness
from touchline.rewards.evidence import evidence
from touchline.rewards.format_kept import format_kept
from touchline.rewards.fresh_windows import fresh_windows
from touchline.rewards.gated import gated
from touchline.rewards.judged import Judged
from touchline.rewards.rule import Rule
from touchline.rewards.selective import selective
from touchline.rewards.thrift import thrift

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
