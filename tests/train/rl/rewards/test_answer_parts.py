"""Parts of the reward beside DeepSport's: how near an answer is, and what looking again costs."""

from tests.train.rl.rewards.conftest import attempt, weighted
from touchline.tasks import TASKS
from touchline.train.rl.rewards.total import compute_reward

TRUTH = "A foul occurs at (0:10, 0:22)."


def test_an_interval_a_second_nearer_earns_more() -> None:
    close = TASKS["spotting"].closeness
    answers = [f"A foul occurs at (0:{start}, 0:{start + 12})." for start in (13, 12, 11, 10)]
    earned = [close(answer, TRUTH) for answer in answers]
    assert earned == sorted(set(earned)) and earned[-1] == 1


def test_a_guess_too_many_costs_half_of_the_closeness_at_most() -> None:
    close = TASKS["spotting"].closeness
    assert close(f"{TRUTH} A foul occurs at (0:40, 0:52).", TRUTH) == 2 / 3
    assert close("No foul occurs in this clip.", TRUTH) == 0


def test_a_task_without_a_finer_score_is_paid_by_its_own() -> None:
    assert TASKS["choice"].closeness("B. Foul", "B. Foul") == 1
    assert TASKS["spotting"].closeness("No foul occurs.", "No foul occurs.") == 1


def test_closeness_is_paid_by_its_weight() -> None:
    rule = weighted(accuracy=0.5, closeness=0.5)
    assert compute_reward(attempt(1.0, closeness=0.4), rule).reward == 0.7


def test_a_call_forgoes_the_price_of_thrift() -> None:
    rule = weighted(accuracy=1.0, thrift=0.1)
    assert compute_reward(attempt(1.0), rule).reward == 1.1
    assert compute_reward(attempt(1.0, (5, 15)), rule).reward == 1.0
