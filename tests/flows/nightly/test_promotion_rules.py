"""The gate: what is refused, what is promoted, and that every cause is named."""

from dataclasses import replace

import pytest

from flows.nightly.decide import decide_promotion
from flows.nightly.promotion_case import PromotionCase, PromotionSettings
from touchline.errors import InputError
from touchline.metrics.bootstrap import MetricEstimate

GATE = PromotionSettings(
    rules=["floors", "sports", "better", "ledger", "licence", "sight"],
    tasks=[],
    least_matches=5,
    alpha=0.05,
    looks=200,
    terms=["open", "request"],
    require_sight=True,
)
GAIN, LOSS, NOISE = (
    MetricEstimate(0.04, 0.01, 0.07, 90),
    MetricEstimate(-0.04, -0.07, -0.01, 90),
    MetricEstimate(0.01, -0.02, 0.04, 90),
)
SEEN = {  # as touchline/train/rl/vision_proof.py writes it; a KL of zero is no lack of sight
    "proved": True, "steps": 8, "rollouts": 256, "frames": 2884, "unseen": 0, "least": 0.01,
    "checks": [{"kl": 0.0, "step": 4, "vision_used": 0.2, "vision_used/tool": 0.1}],
}  # fmt: skip
GOOD = PromotionCase(
    name="run/rl",
    champion="old/rl",
    matches={"": 43, "spotting": 43},
    floors={"spotting": {"floor.tiles": GAIN, "floor.blank": GAIN}},
    overall=GAIN,
    p=0.0001,
    least=2e-5,
    sports={"soccer": GAIN, "badminton": NOISE},
    ledgers={"ask": {"rows": 120, "wrong": ""}},
    terms="open",
    sight=SEEN,
)
REFUSED = {
    "as good as a floor": ("floors", {"floors": {"spotting": {"floor.tiles": NOISE}}}),
    "no better when it looks": (
        "floors",
        {"floors": {"spotting": {"floor.tiles": GAIN, "floor.blank": MetricEstimate(0, 0, 0, 90)}}},
    ),
    "too few matches for a floor": ("floors", {"matches": {"": 43, "spotting": 4}}),
    "no floor asked": ("floors", {"floors": {}}),
    "worse in a sport": ("sports", {"sports": {"soccer": GAIN, "badminton": LOSS}}),
    "equal": ("better", {"overall": NOISE, "p": 0.3}),
    "better, but not after so many looks": ("better", {"p": 0.01}),
    "too few matches to prove it": ("better", {"p": 0.004, "least": 0.004}),
    "a used up benchmark": ("better", {"looks": 200}),
    "a lost row": ("ledger", {"ledgers": {"ask": {"rows": 9, "wrong": "1 rows stand twice"}}}),
    "no ledger": ("ledger", {"ledgers": {}}),
    "an NDA": ("licence", {"terms": "nda"}),
    "unknown terms": ("licence", {"terms": ""}),
    "no proof of sight": ("sight", {"sight": None}),
    "sight not proved": ("sight", {"sight": {**SEEN, "proved": False}}),
    "blind": ("sight", {"sight": {**SEEN, "checks": [{"vision_used": 0.001}]}}),
    "blind to the tool's frames": (
        "sight",
        {"sight": {**SEEN, "checks": [{"vision_used": 0.2, "vision_used/tool": 0.0}]}},
    ),
}


def test_a_better_model_is_promoted_when_every_rule_holds():
    found = decide_promotion(GOOD, GATE)
    assert found.promote and [ruling.rule for ruling in found.rulings] == GATE.rules
    assert found.sentence == "run/rl is the new champion: all 6 rules hold."


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_is_refused_and_the_cause_is_named(name: str):
    rule, changes = REFUSED[name]
    found = decide_promotion(replace(GOOD, **changes), GATE)
    assert not found.promote
    assert [ruling.rule for ruling in found.rulings if not ruling.holds] == [rule]
    assert f"run/rl is refused. {rule}: " in found.sentence


def test_every_cause_is_named_not_only_the_first():
    found = decide_promotion(replace(GOOD, terms="nda", sight=None, p=0.9, overall=NOISE), GATE)
    failed = [ruling.rule for ruling in found.rulings if not ruling.holds]
    assert failed == ["better", "licence", "sight"]
    assert all(f"{rule}: " in found.sentence for rule in failed)


def test_the_first_champion_has_only_the_floors_to_beat():
    first = replace(GOOD, champion="", overall=None, p=1.0, sports={})
    found = decide_promotion(first, GATE)
    assert found.promote and "there was none before" in found.sentence
    blind = replace(first, floors={"spotting": {"floor.blank": NOISE}})
    assert not decide_promotion(blind, GATE).promote


def test_only_declared_rules_are_asked_and_unknown_or_no_rules_are_faults():
    lenient = GATE.model_copy(update={"rules": ["licence"]})
    assert decide_promotion(replace(GOOD, sight=None, p=1.0), lenient).promote
    with pytest.raises(
        InputError, match=r"gate.rules: luck: there is no such rule; floors, sports"
    ):
        decide_promotion(GOOD, GATE.model_copy(update={"rules": ["luck"]}))
    with pytest.raises(InputError, match="no rule is declared"):
        decide_promotion(GOOD, GATE.model_copy(update={"rules": []}))


def test_a_proof_of_sight_may_be_left_out_only_where_that_is_declared():
    blind = replace(GOOD, sight=None)
    assert decide_promotion(blind, GATE.model_copy(update={"require_sight": False})).promote


def test_a_task_that_must_beat_its_floors_must_be_asked():
    found = decide_promotion(GOOD, GATE.model_copy(update={"tasks": ["spotting", "counting"]}))
    assert not found.promote and "counting was asked of no floor" in found.sentence
