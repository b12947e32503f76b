"""Rule `format`: thoughts in every turn, readable calls that the tool accepted, an answer at the
end.
"""

from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams


def check_format_kept(attempt: AttemptFacts, params: RewardParams) -> bool:
    """Whether the attempt kept the format."""
    return attempt.format_kept
