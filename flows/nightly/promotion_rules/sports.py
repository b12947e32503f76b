"""Rule: in no sport is the challenger worse than the champion beyond the interval."""

from flows.nightly.promotion_case import Case, Gate, Ruling, spread

NAME = "sports"


def rule(case: Case, gate: Gate) -> Ruling:
    if not case.champion:
        return Ruling(NAME, True, "there is no champion to be worse than")
    worse = {sport: gap for sport, gap in case.sports.items() if gap.high < 0}
    if worse:
        said = ", ".join(f"{sport} {spread(gap)}" for sport, gap in sorted(worse.items()))
        return Ruling(NAME, False, f"worse than the champion in {said}")
    return Ruling(NAME, True, f"worse beyond the interval in none of {', '.join(case.sports)}")
