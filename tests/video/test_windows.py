from itertools import pairwise

import pytest

from touchline.video.windows import plan_clip_windows

SETTINGS = [(60, 20, 1), (60, 60, 1), (10, 3, 0.5), (12.5, 5, 0.1), (60, 25, 1), (20, 20, 2)]
DURATIONS = [0.5, 7.866667, 29.9, 59.96, 60.0, 60.000033, 60.4, 61.5, 89.9, 90.1, 180.0, 2712.36]


@pytest.mark.parametrize(("seconds", "stride", "step"), SETTINGS)
@pytest.mark.parametrize("duration", DURATIONS)
def test_clips_cover_the_video(duration: float, seconds: float, stride: float, step: float) -> None:
    found = plan_clip_windows(duration, seconds, stride, step)
    reached = 0.0
    for start, end, _ in found:
        assert start <= reached
        reached = max(reached, end)
    assert found[0][0] == 0
    assert reached == duration


@pytest.mark.parametrize(("seconds", "stride", "step"), SETTINGS)
@pytest.mark.parametrize("duration", DURATIONS)
def test_a_clip_without_the_overlap_mark_shares_nothing_with_the_others_without(
    duration: float, seconds: float, stride: float, step: float
) -> None:
    found = plan_clip_windows(duration, seconds, stride, step)
    alone = [(start, end) for start, end, overlaps in found if not overlaps]
    assert all(end <= start for (_, end), (start, _) in pairwise(alone))
    assert len({start for start, _, _ in found}) == len(found)


@pytest.mark.parametrize(("seconds", "stride", "step"), SETTINGS)
@pytest.mark.parametrize("duration", DURATIONS)
def test_clips_have_the_length_asked_for_but_for_the_end(
    duration: float, seconds: float, stride: float, step: float
) -> None:
    for start, end, overlaps in plan_clip_windows(duration, seconds, stride, step):
        whole = abs(end - start - seconds) < 1e-5
        rest = end == duration and min(seconds / 2, duration) <= end - start < seconds + step
        assert whole or (rest and (start == 0 or not overlaps or end - start >= seconds - step))


def test_the_rest_of_a_video() -> None:
    assert plan_clip_windows(180, 60, 60, 1) == [
        (0, 60, False),
        (60, 120, False),
        (120, 180, False),
    ]
    assert plan_clip_windows(95, 60, 60, 1) == [(0, 60, False), (60, 95, False)]
    assert plan_clip_windows(80, 60, 60, 1) == [(0, 60, False), (20, 80, True)]
    assert plan_clip_windows(60.4, 60, 60, 1) == [(0, 60.4, False)]
    assert plan_clip_windows(7.8, 60, 20, 1) == [(0, 7.8, False)]


@pytest.mark.parametrize("duration", DURATIONS)
def test_with_short_rests_tiles_alone_cover_the_video(duration: float) -> None:
    found = plan_clip_windows(duration, 60, 60, 1, short=True)
    assert [start for start, _, _ in found] == [60.0 * number for number in range(len(found))]
    assert not any(overlaps for _, _, overlaps in found) and found[-1][1] == duration


def test_strides_below_the_length_overlap() -> None:
    assert [span for span in plan_clip_windows(120, 60, 20, 1) if span[2]] == [
        (20, 80, True),
        (40, 100, True),
    ]


def test_a_length_of_many_decimals_is_still_one_tile() -> None:
    assert plan_clip_windows(9.876533333333333, 60, 60, 1) == [(0, 9.876533, False)]
