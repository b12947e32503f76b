"""Killed with -9 at any moment: no reply is lost, and none is paid twice."""

from pathlib import Path

import pytest

from tests.endpoint.chaos import ordeal, rows, server

pytestmark = pytest.mark.slow  # processes that are killed


def test_kills_lose_no_reply_and_pay_for_none_twice(tmp_path: Path):
    bad = ["--latency", "0.01", "--slots", "6", "--drop", "0.03", "--fail", "0.03"]
    with server(*bad) as one:
        said = ordeal(one, tmp_path, count=300, in_flight=12, kills=3)
        counts = one.counts()
    assert said.split()[0] == "300"
    assert rows(tmp_path) == (300, 0)
    assert counts["bills"] == counts["keys"] == 300
    assert counts["refused"] and counts["dropped"] and counts["failed"]


def test_what_a_server_without_idempotency_is_paid_twice_for_was_under_way_at_the_kill(
    tmp_path: Path,
):
    with server("--latency", "0.02", "--slots", "8", "--ignores-keys") as one:
        ordeal(one, tmp_path, count=200, in_flight=8, kills=2)
        counts = one.counts()
    assert rows(tmp_path) == (200, 0)
    assert 200 <= counts["bills"] <= 200 + 2 * 8


def test_a_client_that_could_end_at_once_is_killed_before_it_does(tmp_path: Path):
    with server("--latency", "0", "--slots", "64") as one:
        said = ordeal(one, tmp_path, count=40, in_flight=64, kills=2)
        counts = one.counts()
    assert said.split()[0] == "40"
    assert counts["bills"] == counts["keys"] == 40
