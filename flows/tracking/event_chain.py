"""An append-only file of OpenLineage events, each line chained by sha256 to the line before it.

A line is a standard event; its run facet `touchline_chain` has `sequence` (from 1), `previous`
(sha256 of the line before, without its newline) and a `note` if something was unusual. Events are
ordered by sequence, since clocks may jump.

Content may have to be withdrawn later (`redact_chain`). A redacted line keeps its original sha256
as `was`, to which the next line is chained; a final event gives the reason and the new digest of
each redacted line.
"""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from touchline.atomic import atomic_file, build_disk_full_error

CHAIN_FACET = "touchline_chain"
REDACTION_FACET = (
    "touchline_withdrawn"  # a facet: `lines`, sequence -> sha256 of the line as it is now
)
GENESIS_DIGEST = "0" * 64  # what the first line has for a previous one
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
BLOCK = 1 << 16  # bytes read at once from the end of the file

Event = dict[str, Any]


@dataclass(frozen=True)
class ChainedEvent:
    """A line of the chain and its parsed event."""

    line: bytes
    event: Event

    @property
    def chain_facet(self) -> dict[str, Any]:
        """The event's chain facet: sequence, previous, note."""
        return self.event["run"]["facets"][CHAIN_FACET]

    @property
    def sequence(self) -> int:
        return self.chain_facet["sequence"]

    @property
    def digest(self) -> str:
        return hash_line(self.line)

    @property
    def digest_before_redaction(self) -> str:
        """The digest before redaction; empty for a line that was not redacted."""
        return self.chain_facet.get("was", "")

    @property
    def original_digest(self) -> str:
        """The digest of the line as first written, to which the next line is chained."""
        return self.digest_before_redaction or self.digest


@dataclass(frozen=True)
class ChainContents:
    """The events of a chain file, its faults, and notes made while it was written."""

    links: list[ChainedEvent]
    faults: list[str]
    notes: list[str]


def hash_line(line: bytes) -> str:
    """The sha256 of a line, in hex."""
    return hashlib.sha256(line).hexdigest()


def append_to_chain(file: Path, events: Sequence[Event]) -> None:
    """Append all events in order, under a file lock. A line left incomplete by a killed writer is
    cut off first.

    Raises an input error if the disk is full; the file is then unchanged.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        notes = [_cut_torn_line(stream)]
        last, end = _last_line(stream), stream.seek(0, os.SEEK_END)
        try:
            for line in _chain_lines(last, events, notes, lambda: _count_lines(stream)):
                stream.write(line + b"\n")
            os.fsync(stream)
        except OSError as error:
            stream.truncate(end)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise build_disk_full_error(file) from error
            raise


def redact_chain(file: Path, change: Callable[[bytes], bytes], event: Event) -> int:
    """Apply `change` to every line, and append `event` with the new digests of the changed lines.
    Returns how many changed.

    The file is replaced at once, so call it while no run can write to it.
    """
    content, _, _ = file.read_bytes().rpartition(b"\n")
    old_lines, new_digests = content.split(b"\n"), dict[str, str]()
    lines = [
        _mark_redacted(line, changed) if (changed := change(line)) != line else line
        for line in old_lines
    ]
    for link in (_parse_line(b) for a, b in zip(old_lines, lines, strict=True) if a != b):
        new_digests |= {str(link.sequence): link.digest} if link else {}
    if lines == old_lines:
        return 0
    run = event["run"]
    facets = {
        **run["facets"],
        REDACTION_FACET: {**run["facets"][REDACTION_FACET], "lines": new_digests},
    }
    lines += _chain_lines(
        lines[-1], [{**event, "run": {**run, "facets": facets}}], [], lambda: len(old_lines)
    )
    with atomic_file(file) as draft:
        draft.write_bytes(b"\n".join(lines) + b"\n")
    return len(new_digests)


def _mark_redacted(line: bytes, changed: bytes) -> bytes:
    """The changed line with its original digest as `was`; a line that is not a chained event is
    returned as changed.
    """
    before, after = _parse_line(line), _parse_line(changed)
    if before is None or after is None:
        return changed
    after.chain_facet["was"] = before.original_digest
    return _dump_event(after.event)


def _chain_lines(
    last: bytes, events: Sequence[Event], notes: list[str], count: Callable[[], int]
) -> Iterator[bytes]:
    """The lines of the events, chained after `last`. `count` gives the number of earlier lines if
    `last` is unreadable; `notes` go into the first line.
    """
    before = _parse_line(last) if last else None
    sequence = before.sequence if before else count()
    if last and not before:
        notes.append("the line before this one cannot be read")
    time = before.event["eventTime"] if before else ""
    previous = before.original_digest if before else hash_line(last) if last else GENESIS_DIGEST
    for event in events:
        notes.append(_clock_note(time, event["eventTime"]))
        sequence, time = sequence + 1, event["eventTime"]
        line = _chain_line(event, sequence, previous, "; ".join(filter(None, notes)))
        notes.clear()
        previous = hash_line(line)
        yield line


def _chain_line(event: Event, sequence: int, previous: str, note: str) -> bytes:
    place: dict[str, Any] = {"_producer": event["producer"], "_schemaURL": SCHEMA}
    place |= {"sequence": sequence, "previous": previous} | ({"note": note} if note else {})
    run = event["run"]
    bound = {**event, "run": {**run, "facets": {**run.get("facets", {}), CHAIN_FACET: place}}}
    return _dump_event(bound)


def _dump_event(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _clock_note(before: str, now: str) -> str:
    if not before:
        return ""
    gap = (datetime.fromisoformat(before) - datetime.fromisoformat(now)).total_seconds()
    return f"the clock was put back: {gap:.1f} s before the event before" if gap > 0 else ""


def _cut_torn_line(stream: Any) -> str:
    """Cut off an incomplete last line, left by a killed writer. Returns a note, or an
    empty text.
    """
    end = stream.seek(0, os.SEEK_END)
    tail = _read_tail(stream, end)
    torn = len(tail) - tail.rfind(b"\n") - 1
    if not torn:
        return ""
    stream.truncate(end - torn)
    return f"a torn line of {torn} bytes was cut off"


def _last_line(stream: Any) -> bytes:
    """The last line of a file without an incomplete line; b'' for an empty file."""
    end = stream.seek(0, os.SEEK_END)
    return _read_tail(stream, end - 1).rpartition(b"\n")[2] if end else b""


def _read_tail(stream: Any, end: int) -> bytes:
    """The bytes before `end`, back to the last line's end before it or to the beginning."""
    data, start = b"", end
    while start and b"\n" not in data:
        start, stop = max(0, start - BLOCK), start
        stream.seek(start)
        data = stream.read(stop - start) + data
    return data


def _count_lines(stream: Any) -> int:
    stream.seek(0)
    return sum(block.count(b"\n") for block in iter(lambda: stream.read(BLOCK), b""))


def _parse_line(line: bytes) -> ChainedEvent | None:
    """The chained event of a line, or None if it is not one."""
    try:
        link = ChainedEvent(line, json.loads(line))
        is_complete = {
            "sequence",
            "previous",
        } <= link.chain_facet.keys() and "eventTime" in link.event
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return link if is_complete and isinstance(link.sequence, int) else None


def read_chain(file: Path, mentions: str = "") -> ChainContents:
    """Read all chained events, or those whose line contains `mentions`, with faults and notes.
    Empty if there is no file.

    An incomplete last line is a note, not a fault: the next writer cuts it off.
    """
    content, _, torn = (file.read_bytes() if file.is_file() else b"").rpartition(b"\n")
    lines = content.split(b"\n") if content else []
    faults = list(_chain_faults(lines))
    selected = [line for line in lines if mentions.encode() in line]
    links = [link for line in selected if (link := _parse_line(line))]
    notes = [
        f"line {link.sequence}: {link.chain_facet['note']}"
        for link in links
        if "note" in link.chain_facet
    ]
    notes += [
        f"line {link.sequence}: words of it were withdrawn"
        for link in links
        if link.digest_before_redaction
    ]
    if torn:
        notes.append(f"the last line is torn ({len(torn)} bytes): its writer was killed")
    return ChainContents(links, faults, notes)


def _chain_faults(lines: Iterable[bytes]) -> Iterator[str]:
    """Faults of the chain. The first line is taken as given, so that a part of a chain can be
    checked too.
    """
    links = [_parse_line(line) for line in lines]
    anew = _redacted_digests(link for link in links if link)
    before: ChainedEvent | None = None
    for number, link in enumerate(links, 1):
        if link is None:
            yield f"line {number} is not an event of a chain"
        else:
            if before and link.chain_facet["previous"] != before.original_digest:
                yield f"line {number} does not follow from line {number - 1}: one was changed"
            elif before and link.sequence != before.sequence + 1:
                yield f"line {number} has number {link.sequence} after {before.sequence}"
            if link.digest_before_redaction and anew.get(str(link.sequence)) != link.digest:
                yield f"line {number} was changed, and no later event says to what"
        before = link


def _redacted_digests(links: Iterable[ChainedEvent]) -> Mapping[str, str]:
    """{sequence: digest} of each redacted line, according to the last event about it."""
    digests: dict[str, str] = {}
    for link in links:
        redaction = link.event["run"]["facets"].get(REDACTION_FACET)
        lines = redaction.get("lines") if isinstance(redaction, dict) else None
        digests |= lines if isinstance(lines, dict) else {}
    return digests
