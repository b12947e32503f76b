"""The format rule: thoughts everywhere, readable calls that the tool took, an answer at the end."""

from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.rule import Rule


def format_kept(attempt: Judged, rule: Rule) -> bool:
    return attempt.kept
