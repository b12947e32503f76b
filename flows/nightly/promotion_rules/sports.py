"""Rule: the challenger is not worse than the champion beyond the interval in any sport."""

from flows.nightly.promotion_case import (
    PromotionCase,
    PromotionSettings,
    Ruling,
    format_estimate_interval,
)

SPORTS_RULE = "sports"


def check_no_sport_worse(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if no sport's interval lies entirely below zero, or if there is no champion."""
    if not case.champion:
        return Ruling(SPORTS_RULE, True, "there is no champion to be worse than")
    worse = {sport: gap for sport, gap in case.sports.items() if gap.high < 0}
    if worse:
        losses = ", ".join(
            f"{sport} {format_estimate_interval(gap)}" for sport, gap in sorted(worse.items())
        )
        return Ruling(SPORTS_RULE, False, f"worse than the champion in {losses}")
    return Ruling(
        SPORTS_RULE, True, f"worse beyond the interval in none of {', '.join(case.sports)}"
    )
