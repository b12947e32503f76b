"""The format rule: thoughts everywhere, readable calls that the tool took, an answer at the end."""

from touchline.rewards.judged import Judged
from touchline.rewards.rule import Rule


def format_kept(attempt: Judged, rule: Rule) -> bool:
    return attempt.kept
