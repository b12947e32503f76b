"""Times in words say what they mean, both ways."""

import pytest

from tests.world import HOSTILE
from touchline.chat.timecode import format_time, parse_time


def test_what_is_spoken_is_heard_again_to_a_tenth_of_a_second():
    for tenths in [*range(1300), 35_999, 36_000, 599_999]:
        assert parse_time(format_time(tenths / 10)) == pytest.approx(tenths / 10)


def test_whole_seconds_are_spoken_without_a_decimal():
    assert [format_time(t) for t in (0, 9, 59.96, 60, 75.5)] == [
        "0:00",
        "0:09",
        "1:00",
        "1:00",
        "1:15.5",
    ]


def test_plain_seconds_are_heard_too():
    assert [parse_time(text) for text in ("16", " 0:16 ", "16.5", "2:03")] == [16, 16, 16.5, 123]


@pytest.mark.parametrize(
    "text", [*(t for t in HOSTILE if t != "١٢"), "0:60", "1:2", "-0:05", "inf", "nan", "1e6"]
)
def test_anything_else_is_no_time_and_nothing_but_that_is_raised(text: str):
    with pytest.raises(ValueError):
        parse_time(text)
