"""The chain of events: what was written stays, and any change is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.tracking import event_chain

PRODUCER = "urn:touchline:test"


def event(number: int, time: str = "2026-01-01T00:00:00+00:00") -> event_chain.Event:
    run = {"runId": f"00000000-0000-0000-0000-{number:012d}", "facets": {}}
    job = {"namespace": "toy", "name": "retrain"}
    return {"eventType": "START", "eventTime": time, "producer": PRODUCER, "run": run, "job": job}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "lineage" / "events.jsonl"
    event_chain.append_to_chain(file, [event(1), event(2)])
    event_chain.append_to_chain(file, [event(3)])
    return file


def test_each_line_names_its_number_and_the_digest_of_the_line_before(file: Path) -> None:
    found = event_chain.read_chain(file)
    assert not found.faults and not found.notes
    assert [link.sequence for link in found.links] == [1, 2, 3]
    assert found.links[0].chain_facet["previous"] == event_chain.GENESIS_DIGEST
    assert found.links[2].chain_facet["previous"] == found.links[1].digest


def test_any_flipped_bit_is_found(file: Path) -> None:
    whole = file.read_bytes()
    last = whole[:-1].rfind(b"\n")  # what follows the last line binds nothing yet
    for place in range(0, last, 7):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(changed)
        assert event_chain.read_chain(file).faults, place


def test_a_line_taken_out_is_found(file: Path) -> None:
    first, _, third = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + third)
    assert event_chain.read_chain(file).faults == [
        "line 2 does not follow from line 1: one was changed"
    ]


def test_a_part_of_a_chain_is_a_chain(file: Path) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    assert not event_chain.read_chain(file).faults


def test_a_line_torn_by_a_kill_is_cut_off_and_the_next_one_says_so(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b'{"eventType": "COM')
    torn = event_chain.read_chain(file)
    assert not torn.faults and len(torn.links) == 3
    assert torn.notes == ["the last line is torn (18 bytes): its writer was killed"]
    event_chain.append_to_chain(file, [event(4)])
    mended = event_chain.read_chain(file)
    assert not mended.faults and mended.links[3].sequence == 4
    assert mended.notes == ["line 4: a torn line of 18 bytes was cut off"]


def test_a_clock_that_jumps_back_is_noted_and_breaks_nothing(file: Path) -> None:
    event_chain.append_to_chain(
        file, [event(4, "2025-12-31T23:00:00+00:00"), event(5, "2025-12-31T23:00:01+00:00")]
    )
    found = event_chain.read_chain(file)
    assert not found.faults and [link.sequence for link in found.links] == [1, 2, 3, 4, 5]
    assert found.notes == ["line 4: the clock was put back: 3600.0 s before the event before"]


def test_a_chain_with_an_unreadable_end_goes_on_and_stays_faulty(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"rubbish\n")
    event_chain.append_to_chain(file, [event(5)])
    found = event_chain.read_chain(file)
    assert found.faults == ["line 4 is not an event of a chain"]
    assert found.links[-1].sequence == 5


def test_a_line_longer_than_a_block_is_followed(file: Path) -> None:
    event_chain.append_to_chain(
        file, [{**event(4), "padding": "x" * 3 * event_chain.BLOCK}, event(5)]
    )
    event_chain.append_to_chain(file, [event(6)])
    assert not event_chain.read_chain(file).faults


def test_writers_side_by_side_make_one_chain(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.flows.tracking.test_event_chain import event\n"
        "from flows.tracking import event_chain\n"
        "for number in range(50): event_chain.append_to_chain(Path(sys.argv[1]), [event(number)])"
    )
    root = Path(__file__).parents[3]
    pair = [subprocess.Popen([sys.executable, "-c", code, str(file)], cwd=root) for _ in range(2)]
    assert [one.wait() for one in pair] == [0, 0]
    found = event_chain.read_chain(file)
    assert not found.faults and len(found.links) == 103


def withdrawn(stone: str) -> event_chain.Event:
    one = event(9)
    return {
        **one,
        "run": {**one["run"], "facets": {event_chain.REDACTION_FACET: {"tombstone": stone}}},
    }


def named(file: Path) -> Path:
    """Events of which the second and the fourth, the last one, name somebody."""
    for number in (4, 5):
        event_chain.append_to_chain(
            file, [{**event(number), "error": "of world/a" if number == 5 else ""}]
        )
    whole = file.read_bytes().replace(b'"name":"retrain"', b'"name":"world/a"', 1)
    file.write_bytes(whole)
    lines = [event_chain.ChainedEvent(line, json.loads(line)).event for line in whole.splitlines()]
    file.unlink()
    event_chain.append_to_chain(file, lines)
    return file


def test_words_that_were_withdrawn_are_gone_and_the_chain_says_so_and_holds(file: Path) -> None:
    named(file)
    first = event_chain.read_chain(file).links[0].digest
    count = event_chain.redact_chain(
        file, lambda line: line.replace(b"world/a", b"(withdrawn)"), withdrawn("s1")
    )
    found = event_chain.read_chain(file)
    assert count == 2 and not found.faults and b"world/a" not in file.read_bytes()
    assert found.notes == [f"line {n}: words of it were withdrawn" for n in (1, 5)]
    assert found.links[0].digest_before_redaction == first and len(found.links) == 6
    again = event_chain.redact_chain(
        file, lambda line: line.replace(b"retrain", b"(too)"), withdrawn("s2")
    )
    event_chain.append_to_chain(file, [event(7)])
    assert (
        again == 5
        and not event_chain.read_chain(file).faults
        and event_chain.read_chain(file).links[0].digest_before_redaction == first
    )


def test_a_withdrawn_line_that_is_changed_afterwards_is_found(file: Path) -> None:
    event_chain.redact_chain(
        named(file), lambda line: line.replace(b"world/a", b"(withdrawn)"), withdrawn("s1")
    )
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"(withdrawn)", b"(something)", 1))
    assert event_chain.read_chain(file).faults == [
        "line 1 was changed, and no later event says to what"
    ]
    file.write_bytes(whole.rpartition(b"\n")[0].rpartition(b"\n")[0] + b"\n")
    assert (
        len(event_chain.read_chain(file).faults) == 2
    )  # the event that binds them anew was taken out


def test_without_a_word_to_withdraw_nothing_is_written(file: Path) -> None:
    before = file.read_bytes()
    assert event_chain.redact_chain(file, lambda line: line, withdrawn("s1")) == 0
    assert file.read_bytes() == before
