"""Rule: better than the champion by a test that is corrected for looking every night.

Each night asks the same question of the same matches, so by luck alone some night says yes. The
chance `alpha` is therefore spent evenly over `looks` comparisons: each must reach p <= alpha /
looks. By Bonferroni's inequality not one of them promotes an equal model but with chance alpha,
however the comparisons depend on each other, which they do: they share their matches. (Alpha
spending: Foster and Stine 2008, J. R. Stat. Soc. B 70(2); Tian and Ramdas 2021, Stat. Methods Med.
Res. 30(4), "Online control of the familywise error rate".) The same comparison again is no
new look. After `looks` comparisons a benchmark is used up. What this does not cover: people who
choose their next model by what the benchmark said of the last one.
"""

from flows.nightly.promotion_case import Case, Gate, Ruling, spread

NAME = "better"


def level(gate: Gate) -> float:
    """The p that one comparison must reach."""
    return gate.alpha / gate.looks


def rule(case: Case, gate: Gate) -> Ruling:
    if not case.champion or case.overall is None:
        return Ruling(NAME, True, "there is no champion to compare with: the first one needs none")
    if case.looks >= gate.looks:
        why = f"the benchmark is used up after {case.looks} comparisons"
        return Ruling(NAME, False, f"{why}; pin one with other matches (nightly.benchmark)")
    needed = level(gate)
    if case.least > needed:
        few = f"{case.matches['']} matches cannot prove it: their smallest p is {case.least:.2g}"
        return Ruling(NAME, False, f"{few}, and p must reach {needed:.2g}; add matches")
    against = f"{spread(case.overall)} on {case.matches['']} matches, p {case.p:.2g}"
    holds = case.p <= needed and case.overall.value > 0
    said = "better than" if holds else "not proved better than"
    return Ruling(NAME, holds, f"{said} the champion: {against}, needed {needed:.2g}")
