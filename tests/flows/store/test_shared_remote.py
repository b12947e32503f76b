"""A store of a thousand videos: a second push transfers nothing, a corrupt object is named."""

import pytest

from benchmarks.store import measure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_a_thousand_videos_go_and_come_and_do_not_go_twice() -> None:
    found = measure(1000)
    assert found["push"]["objects"] == found["pull"]["objects"] == 1000
    assert found["push"]["requests"]["PUT"] == 1000
    assert found["again"]["objects"] == 0 and set(found["again"]["requests"]) == {"GET"}
    assert found["again"]["requests"]["GET"] < 10
    assert found["refused"] == found["corrupt"]
