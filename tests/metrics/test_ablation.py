"""What a variant gained: paired over matches, all seeds together, and honest about seeds."""

from typing import Any

import numpy as np
import pytest

from tests.metrics.test_scores import answered
from touchline.metrics import bootstrap
from touchline.metrics.ablation import AblationCell, build_ablation_table
from touchline.metrics.per_answer import MetricContext
from touchline.records.question import Question
from touchline.tasks.spotting import parse_intervals

JUDGE = MetricContext(parse_intervals, 0.3, 1, {}, {}, lambda _: 0.0)
TRUTH = "A foul occurs at (0:10, 0:22)."
LATE = "A foul occurs at (0:13, 0:25)."  # IoU 0.6


def asked(number: int, task: str) -> Question:
    match = f"m{number % 8}"
    evidence = [10.0, 22.0] if task == "spotting" else []
    more: dict[str, Any] = {"action": "foul", "options": [], "text": "?", "truth": TRUTH}
    return Question(id=f"{task}{number}", clip="c", video=match, source="s", sport="soccer",
                    match=match, split="test", task=task, evidence=evidence, **more)  # fmt: skip


def cell(seed: int, gain: float) -> AblationCell:
    """Answers of which RL gets a share `gain` more right than SFT."""
    draw = np.random.default_rng(seed)
    questions = [asked(n, task) for n in range(80) for task in ("spotting", "choice")]
    luck = draw.random(len(questions))

    def rows(share: float, who: str) -> list:
        return [(q, answered(q, TRUTH if x < share else LATE, float(x < share), who))
                for q, x in zip(questions, luck, strict=True)]  # fmt: skip

    return AblationCell(rows(0.5, "sft"), rows(0.5 + gain, "rl"))


def test_a_gain_of_every_seed_excludes_zero_and_none_includes_it() -> None:
    made = build_ablation_table(
        {
            "recipe": {seed: cell(seed, 0.3) for seed in (1, 2, 3)},
            "idle": {seed: cell(seed, 0.0) for seed in (1, 2, 3)},
        },
        JUDGE,
    )
    gain, none = made["recipe"]["rl_minus_sft"], made["idle"]["rl_minus_sft"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert gain["value"] == pytest.approx(0.3, abs=0.08)
    assert (none["value"], none["low"], none["high"]) == (0, 0, 0)
    assert made["recipe"]["minus_first"] == {}
    assert made["idle"]["minus_first"]["score"]["value"] == pytest.approx(-gain["value"])


def test_answers_half_right_count_at_the_looser_threshold_alone() -> None:
    made = build_ablation_table({"recipe": {1: cell(1, 0.3)}}, JUDGE)["recipe"]
    assert made["differences"]["f1_50"]["value"] == 0
    assert made["differences"]["f1_70"]["low"] > 0


def test_a_task_counts_the_same_however_many_questions_it_has() -> None:
    whole = cell(1, 0.3)
    kept = [n < 20 or row[0].task == "choice" for n, row in enumerate(whole.rl)]
    few = AblationCell(*([r for r, k in zip(rows, kept, strict=True) if k] for rows in whole))
    found = build_ablation_table({"recipe": {1: few}}, JUDGE)["recipe"]["rl"]
    mean = (found["spotting"]["value"] + found["choice"]["value"]) / 2
    assert found["score"]["value"] == pytest.approx(mean)


def test_drawing_the_trainings_as_well_widens_where_they_disagree() -> None:
    agree = build_ablation_table({"a": {seed: cell(seed, 0.2) for seed in (1, 2, 3)}}, JUDGE)["a"]
    differ = build_ablation_table(
        {"a": {seed: cell(seed, 0.2 * (seed - 1)) for seed in (1, 2, 3)}}, JUDGE
    )["a"]

    def widening(found: dict[str, Any]) -> float:
        d = found["rl_minus_sft"]
        return (d["seeds"]["high"] - d["seeds"]["low"]) / (d["high"] - d["low"])

    assert widening(differ) > 2 * widening(agree)
    assert len(differ["rl_minus_sft"]["each"]) == 3


def test_pooled_rows_of_a_match_are_drawn_together() -> None:
    side = bootstrap.build_ratio_metric(
        np.array([[1, 1], [0, 1], [1, 1], [0, 1]]), ["a", "b", "c", "d"]
    )
    once, thrice = (
        bootstrap.estimate_metric(bootstrap.pool_trainings([side] * n), 1) for n in (1, 3)
    )
    assert (once.low, once.high) == (thrice.low, thrice.high)
