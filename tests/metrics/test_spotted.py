"""Answers about clips become spots of a video, and keep their worth there."""

import pytest

from touchline.metrics.bootstrap import estimate_metric
from touchline.metrics.spotted import SpottingAnswer, build_map_metrics
from touchline.metrics.temporal_iou import Interval


def value(rows: list[SpottingAnswer], metric: str = "map_loose") -> float:
    return estimate_metric(
        build_map_metrics(rows, [row.video for row in rows])[metric], seed=7
    ).value


def row(labels: list[Interval], guesses: list[Interval], name: str = "goal", video: str = "v1"):
    return SpottingAnswer(video, name, labels, guesses)


def test_equal_confidences_make_precision_and_recall_one_point():
    rows = [row([(0, 12)], [(0, 12)]), row([(60, 72)], []), row([(300, 312)], [(300, 312)]),
            row([(600, 612)], [(700, 712)])]  # fmt: skip
    precision, recall = 2 / 3, 2 / 4
    assert value(rows) == pytest.approx(precision * (1 + int(10 * recall)) / 11)


def test_the_tolerance_is_the_whole_window():
    near = [row([(0, 12)], [(2.5, 14.5)])]
    # The middle is off by 2.5 s: a hit from a tolerance of 5 s on.
    assert value(near, "map_loose") == pytest.approx(1)
    assert value(near, "map_tight") == pytest.approx(1 / 8)


def test_a_guess_counts_once_though_two_clips_make_it():
    rows = [row([(50, 62)], [(50, 62)]), row([], [(50, 62)])]
    assert value(rows) == pytest.approx(1)


def test_a_guess_where_the_action_never_occurs_costs_precision():
    assert value([row([(0, 12)], [(0, 12)]), row([], [(200, 212)])]) == pytest.approx(0.5)


def test_videos_and_actions_are_kept_apart():
    other = [row([(0, 12)], []), row([], [(0, 12)], video="v2")]
    assert value(other) == 0
    named = [row([(0, 12)], [], "goal"), row([(90, 102)], [(0, 12), (90, 102)], "foul")]
    assert value(named) == pytest.approx((0 + 0.5) / 2)


def test_an_action_that_no_draw_holds_is_left_out_of_it():
    """Two matches, one action each, all found: no draw may call the missing one a failure."""
    rows = [row([(0, 12)], [(0, 12)]), row([(0, 12)], [(0, 12)], "foul", "v2")]
    found = estimate_metric(build_map_metrics(rows, ["m1", "m2"])["map_loose"], seed=7)
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(1), 1, 1, 2)


def test_without_any_label_there_is_no_metric():
    assert build_map_metrics([row([], [(0, 12)])], ["m1"]) == {}
