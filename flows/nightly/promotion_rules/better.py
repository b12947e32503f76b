"""Rule: the model beats the champion in a significance test that is corrected for repeated nightly
testing.

Testing on the same matches every night would promote an equal model by luck sooner or later. So the
error rate `alpha` is split evenly over `looks` comparisons (Bonferroni): each needs p <= alpha /
looks. This holds however the comparisons depend on each other. (Alpha spending: Foster and Stine
2008, J. R. Stat. Soc. B 70(2); Tian and Ramdas 2021, Stat. Methods Med. Res. 30(4).)

Repeating the same comparison does not count again. After `looks` comparisons the benchmark is used
up. Not covered: people who select the next model by its benchmark score.
"""

from flows.nightly.promotion_case import (
    PromotionCase,
    PromotionSettings,
    Ruling,
    format_estimate_interval,
)

BETTER_RULE = "better"


def compute_required_p(gate: PromotionSettings) -> float:
    """The p-value that a single comparison must reach: alpha / looks."""
    return gate.alpha / gate.looks


def check_better_than_champion(case: PromotionCase, gate: PromotionSettings) -> Ruling:
    """Pass if the model is better than the champion with p at most `compute_required_p`, or if
    there is no champion.
    """
    if not case.champion or case.overall is None:
        return Ruling(
            BETTER_RULE, True, "there is no champion to compare with: the first one needs none"
        )
    if case.looks >= gate.looks:
        why = f"the benchmark is used up after {case.looks} comparisons"
        return Ruling(BETTER_RULE, False, f"{why}; pin one with other matches (nightly.benchmark)")
    needed = compute_required_p(gate)
    if case.least > needed:
        few = f"{case.matches['']} matches cannot prove it: their smallest p is {case.least:.2g}"
        return Ruling(BETTER_RULE, False, f"{few}, and p must reach {needed:.2g}; add matches")
    against = (
        f"{format_estimate_interval(case.overall)} on {case.matches['']} matches, p {case.p:.2g}"
    )
    holds = case.p <= needed and case.overall.value > 0
    comparison = "better than" if holds else "not proved better than"
    return Ruling(BETTER_RULE, holds, f"{comparison} the champion: {against}, needed {needed:.2g}")
