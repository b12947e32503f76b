"""Average-mAP is the official package's: its numbers on made-up games, and its rules one by one.

The figures were printed by `SoccerNet.Evaluation.ActionSpotting.evaluate` of the package SoccerNet
0.2.0 for `made_up_games.games`, 17 classes, 2 frames a second. `python -m
benchmarks.average_map` installs that package and compares again, on more games and every class.
"""

import pytest

from tests.metrics.made_up_games import CLASSES, games, ours
from touchline.metrics.average_map import (
    LOOSE_TOLERANCES,
    TIGHT_TOLERANCES,
    LabelledAction,
    PredictedAction,
    compute_average_map,
)

SCATTERED = (1, 2, 40, 80, 20)  # 20 distinct confidences
EQUAL = (3, 2, 40, 80, 1)
# games, tolerances: Average-mAP over all, shown and unshown actions
OFFICIAL = [
    (SCATTERED, LOOSE_TOLERANCES, (0.3806159394481877, 0.45383760624402325, 0.32135352021715663)),
    (SCATTERED, TIGHT_TOLERANCES, (0.05917243128974412, 0.0825527747653416, 0.09615384615384616)),
    (SCATTERED, (1,), (0.025768282519619417, 0.03682404939089431, 0.00802139037433155)),
    (EQUAL, LOOSE_TOLERANCES, (0.22717059063728537, 0.30495013867515985, 0.28111534929716747)),
    (EQUAL, TIGHT_TOLERANCES, (0.02793571189229005, 0.06268440988835725, 0.044434731934731936)),
    (EQUAL, (1,), (0.009210743120777723, 0.03141711229946524, 0.019607843137254905)),
]
SCATTERED_LOOSE = [
    0.3011601, 0.5268595, 0.46644858, 0.29338843, 0.38429752, 0.33785911, 0.62954545, 0.46664699,
    0.27012987, 0.4177686, 0.5707883, 0.31763085, 0.61294766, 0.0, 0.875, 0.0, 0.0,
]  # fmt: skip


def ap(
    truths: list[LabelledAction],
    guesses: list[PredictedAction],
    tolerance: int = 5,
    view: str = "all",
) -> float:
    return compute_average_map(truths, guesses, ["goal"], [tolerance])[view].mean


def truth(time: float, shown: bool = True, half: str = "1") -> LabelledAction:
    return LabelledAction(half, "goal", time, shown)


def guess(time: float, confidence: float = 1.0, half: str = "1") -> PredictedAction:
    return PredictedAction(half, "goal", time, confidence)


@pytest.mark.parametrize(("settings", "tolerances", "figures"), OFFICIAL)
def test_it_equals_the_official_package(settings, tolerances, figures):
    found = compute_average_map(*ours(games(*settings)), CLASSES, tolerances)
    means = [found[view].mean for view in ("all", "shown", "unshown")]
    assert means == pytest.approx(list(figures), abs=1e-9)


def test_each_class_equals_the_official_package():
    found = compute_average_map(*ours(games(*SCATTERED)), CLASSES, LOOSE_TOLERANCES)["all"].per_name
    assert list(found) == list(CLASSES)
    assert list(found.values()) == pytest.approx(SCATTERED_LOOSE, abs=1e-8)


@pytest.mark.parametrize(("off", "hit"), [(2.5, 1.0), (3.0, 0.0)])
def test_a_tolerance_of_five_seconds_is_two_and_a_half_to_either_side(off, hit):
    assert ap([truth(100)], [guess(100 + off)]) == ap([truth(100)], [guess(100 - off)]) == hit


def test_of_two_guesses_in_one_half_second_the_later_in_the_list_stays():
    assert ap([truth(10)], [guess(10.0), guess(10.4)]) == 1.0
    assert ap([truth(10)], [guess(10.0), guess(10.4, -1)]) == 0.0


def test_two_labels_in_one_half_second_are_one():
    assert ap([truth(10), truth(10.4)], [guess(10)]) == 1.0


def test_a_label_takes_the_most_confident_guess_and_leaves_the_other_as_false():
    # At the threshold that lets only the sure one through, precision and recall are both one.
    assert ap([truth(10)], [guess(9, 0.3), guess(11, 0.9)]) == 1.0
    # Equal ones cannot be told apart: one of two is right at every threshold.
    assert ap([truth(10)], [guess(9), guess(11)]) == 0.5


def test_halves_are_kept_apart():
    assert ap([truth(10, half="1")], [guess(10, half="2")]) == 0.0


def test_a_guess_belongs_to_the_kind_of_the_label_nearest_to_it():
    truths, guesses = [truth(10), truth(100, shown=False)], [guess(10), guess(70)]
    assert ap(truths, guesses, view="shown") == 1.0  # 70 s is nearer to the unshown one
    assert ap(truths, guesses, view="unshown") == 0.0
    alone = [guess(10), guess(10, half="2")]  # no label in that half: unshown
    assert ap([truth(10)], alone, view="shown") == 1.0
    assert ap([truth(10)], alone) == 0.5


def test_a_class_that_never_occurs_has_zero():
    found = compute_average_map([truth(10)], [guess(10)], ["goal", "corner"], LOOSE_TOLERANCES)[
        "all"
    ]
    assert found.per_name == {"goal": 1.0, "corner": 0.0}
    assert found.mean == 0.5


def test_times_beyond_the_grid_and_nothing_at_all_are_no_trouble():
    assert ap([truth(1e6)], [guess(2e6)]) == ap([truth(0)], [guess(-3)]) == 1.0
    assert ap([], []) == ap([], [guess(1)]) == ap([truth(1)], []) == 0.0
