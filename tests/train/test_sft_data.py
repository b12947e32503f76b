"""A curriculum teaches one level after the other, every lesson as often as any other."""

from collections import Counter

import pytest

from touchline.tasks import TASKS
from touchline.tasks.task import CURRICULUM_LEVELS
from touchline.train.sft_data import CURRICULUM_PHASES, order_by_curriculum

MIX = ["open", "spotting", "choice", "counting", "score", "spotting", "choice"] * 3


def phase(task: str) -> int:
    return next(n for n, levels in enumerate(CURRICULUM_PHASES) if TASKS[task].level in levels)


def test_every_task_has_a_level_and_every_level_a_place():
    assert {task.level for task in TASKS.values()} <= set(CURRICULUM_LEVELS)
    assert [level for phase in CURRICULUM_PHASES for level in phase] == list(CURRICULUM_LEVELS)


@pytest.mark.parametrize("count", [1, 20, 21, 22, 100, 1000])
def test_levels_come_one_after_the_other(count: int):
    order = order_by_curriculum(MIX, count, 1)
    assert len(order) == count
    phases = [phase(MIX[number]) for number in order]
    assert phases == sorted(phases)


def test_every_lesson_comes_equally_often():
    assert set(Counter(order_by_curriculum(MIX, 5 * len(MIX), 1)).values()) == {5}


def test_the_order_depends_on_the_seed_alone_and_changes_from_pass_to_pass():
    order = order_by_curriculum(MIX, 4 * len(MIX), 1)
    assert (
        order
        == order_by_curriculum(MIX, 4 * len(MIX), 1)
        != order_by_curriculum(MIX, 4 * len(MIX), 2)
    )
    first = sum(phase(task) == 0 for task in MIX)
    assert order[:first] != order[first : 2 * first]
    assert sorted(order[:first]) == sorted(order[first : 2 * first])


def test_lessons_of_one_level_alone_are_all_there_is():
    assert sorted(order_by_curriculum(["choice"] * 3, 3, 1)) == [0, 1, 2]
