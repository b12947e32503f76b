"""An append-only file of OpenLineage events, each line bound to the line before it by sha256.

A line is an event as the standard has it; its place in the chain stands in a facet of its run:
`sequence` from 1, `previous` (sha256 of the line before, without its end) and a `note` on what was
strange when it was written. What orders the events is the sequence: a clock may jump.

Words of a line may have to go later (`blot`). Such a line says what its sha256 `was`, for that is
what the line behind it is bound to; a last event says why, and binds each changed line anew.
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

from touchline.atomic import disk_full, whole_file

FACET = "touchline_chain"
BLOTTED = "touchline_withdrawn"  # a facet: `lines`, sequence -> sha256 of the line as it is now
FIRST = "0" * 64  # what the first line has for a previous one
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
BLOCK = 1 << 16  # bytes read at once from the end of the file

Event = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A line of the file and what it says."""

    line: bytes
    event: Event

    @property
    def place(self) -> dict[str, Any]:
        return self.event["run"]["facets"][FACET]

    @property
    def sequence(self) -> int:
        return self.place["sequence"]

    @property
    def digest(self) -> str:
        return digest(self.line)

    @property
    def was(self) -> str:
        """The digest before words were taken out of it; "" for a line as it was written."""
        return self.place.get("was", "")

    @property
    def first(self) -> str:
        """The digest as it was written, to which the next line is bound."""
        return self.was or self.digest


@dataclass(frozen=True)
class Read:
    """What a file holds, what is wrong with it, and what was noted while it was written."""

    links: list[Link]
    faults: list[str]
    notes: list[str]


def digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def append(file: Path, events: Sequence[Event]) -> None:
    """Add events whole and in order, whoever else writes; a line torn by a kill is cut off first.

    Raises `BadInput` when the disk is full; then the file is as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        notes = [_mend(stream)]
        last, end = _last(stream), stream.seek(0, os.SEEK_END)
        try:
            for line in _bound(last, events, notes, lambda: _lines(stream)):
                stream.write(line + b"\n")
            os.fsync(stream)
        except OSError as error:
            stream.truncate(end)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(file) from error
            raise


def blot(file: Path, change: Callable[[bytes], bytes], event: Event) -> int:
    """Change lines, and let `event` bind them as they are now; how many were changed.

    The file is replaced at once, so call it while no run can write to it.
    """
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    old, now = whole.split(b"\n"), dict[str, str]()
    lines = [_marked(line, changed) if (changed := change(line)) != line else line for line in old]
    for link in (_parsed(b) for a, b in zip(old, lines, strict=True) if a != b):
        now |= {str(link.sequence): link.digest} if link else {}
    if lines == old:
        return 0
    run = event["run"]
    facets = {**run["facets"], BLOTTED: {**run["facets"][BLOTTED], "lines": now}}
    lines += _bound(lines[-1], [{**event, "run": {**run, "facets": facets}}], [], lambda: len(old))
    with whole_file(file) as draft:
        draft.write_bytes(b"\n".join(lines) + b"\n")
    return len(now)


def _marked(line: bytes, changed: bytes) -> bytes:
    """The changed line, with the first digest it ever had; what is no link stays none."""
    before, after = _parsed(line), _parsed(changed)
    if before is None or after is None:
        return changed
    after.place["was"] = before.first
    return _written(after.event)


def _bound(
    last: bytes, events: Sequence[Event], notes: list[str], count: Callable[[], int]
) -> Iterator[bytes]:
    """The lines of the events, behind `count` others; `notes` go to the first."""
    before = _parsed(last) if last else None
    sequence = before.sequence if before else count()
    if last and not before:
        notes.append("the line before this one cannot be read")
    time = before.event["eventTime"] if before else ""
    previous = before.first if before else digest(last) if last else FIRST
    for event in events:
        notes.append(_backwards(time, event["eventTime"]))
        sequence, time = sequence + 1, event["eventTime"]
        line = _line(event, sequence, previous, "; ".join(filter(None, notes)))
        notes.clear()
        previous = digest(line)
        yield line


def _line(event: Event, sequence: int, previous: str, note: str) -> bytes:
    place: dict[str, Any] = {"_producer": event["producer"], "_schemaURL": SCHEMA}
    place |= {"sequence": sequence, "previous": previous} | ({"note": note} if note else {})
    run = event["run"]
    bound = {**event, "run": {**run, "facets": {**run.get("facets", {}), FACET: place}}}
    return _written(bound)


def _written(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _backwards(before: str, now: str) -> str:
    if not before:
        return ""
    gap = (datetime.fromisoformat(before) - datetime.fromisoformat(now)).total_seconds()
    return f"the clock was put back: {gap:.1f} s before the event before" if gap > 0 else ""


def _mend(stream: Any) -> str:
    """Cut off what follows the last whole line: its writer was killed."""
    end = stream.seek(0, os.SEEK_END)
    tail = _tail(stream, end)
    torn = len(tail) - tail.rfind(b"\n") - 1
    if not torn:
        return ""
    stream.truncate(end - torn)
    return f"a torn line of {torn} bytes was cut off"


def _last(stream: Any) -> bytes:
    """The last whole line of a mended file; b"" for an empty one."""
    end = stream.seek(0, os.SEEK_END)
    return _tail(stream, end - 1).rpartition(b"\n")[2] if end else b""


def _tail(stream: Any, end: int) -> bytes:
    """The bytes before `end`, back to the last line's end before it or to the beginning."""
    found, start = b"", end
    while start and b"\n" not in found:
        start, stop = max(0, start - BLOCK), start
        stream.seek(start)
        found = stream.read(stop - start) + found
    return found


def _lines(stream: Any) -> int:
    stream.seek(0)
    return sum(block.count(b"\n") for block in iter(lambda: stream.read(BLOCK), b""))


def _parsed(line: bytes) -> Link | None:
    """None for what is no link."""
    try:
        link = Link(line, json.loads(line))
        whole = {"sequence", "previous"} <= link.place.keys() and "eventTime" in link.event
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return link if whole and isinstance(link.sequence, int) else None


def read(file: Path, mentions: str = "") -> Read:
    """All links (or those that mention a text) and what is wrong; nothing where there is no file.

    A torn last line is a note, not a fault: the next writer cuts it off.
    """
    whole, _, torn = (file.read_bytes() if file.is_file() else b"").rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    faults = list(_faults(lines))
    wanted = [line for line in lines if mentions.encode() in line]
    links = [link for line in wanted if (link := _parsed(line))]
    notes = [
        f"line {link.sequence}: {link.place['note']}" for link in links if "note" in link.place
    ]
    notes += [f"line {link.sequence}: words of it were withdrawn" for link in links if link.was]
    if torn:
        notes.append(f"the last line is torn ({len(torn)} bytes): its writer was killed")
    return Read(links, faults, notes)


def _faults(lines: Iterable[bytes]) -> Iterator[str]:
    """A part of a chain is as good as a whole one: its first line is taken as it is."""
    links = [_parsed(line) for line in lines]
    anew = _anew(link for link in links if link)
    before: Link | None = None
    for number, link in enumerate(links, 1):
        if link is None:
            yield f"line {number} is no event of a chain"
        else:
            if before and link.place["previous"] != before.first:
                yield f"line {number} does not follow from line {number - 1}: one was changed"
            elif before and link.sequence != before.sequence + 1:
                yield f"line {number} has number {link.sequence} after {before.sequence}"
            if link.was and anew.get(str(link.sequence)) != link.digest:
                yield f"line {number} was changed, and no later event says to what"
        before = link


def _anew(links: Iterable[Link]) -> Mapping[str, str]:
    """sequence -> digest of each line that was changed, as the last event on it says."""
    found: dict[str, str] = {}
    for link in links:
        told = link.event["run"]["facets"].get(BLOTTED)
        lines = told.get("lines") if isinstance(told, dict) else None
        found |= lines if isinstance(lines, dict) else {}
    return found
