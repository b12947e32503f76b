"""One file from the first of its mirrors that can give it, tried again where that may help."""

import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from touchline.errors import InputError
from touchline.sources.fetch.manifest import against, signature
from touchline.sources.fetch.part import Part, Stopped, held
from touchline.sources.fetch.request import Ask, Fetched, Passing, Unfit, Wanted, address, shown

WORTH = 2**20  # bytes: a line that brought as many before it broke is taken up at once
KEPT = "run again: what is here is kept, and the rest is fetched"
ASK = "ask its owner which is right, or name another mirror"


@dataclass(frozen=True)
class Patience:
    """How long a mirror is tried: tries in a row that bring nothing, and seconds."""

    tries: int
    first: float  # wait after the first failure; doubles from try to try
    longest: float  # wait at most; an origin that asks for more is given up
    timeout: float  # without a byte


PATIENCE = Patience(tries=6, first=0.5, longest=120.0, timeout=60.0)


@dataclass(frozen=True)
class Errand:
    """What all files of one fetch share."""

    folder: Path
    ask: Ask
    patience: Patience
    known: dict[str, Fetched]  # from an earlier fetch, by path
    tell: Callable[[str, int], None]  # hears the path and how many of its bytes are here
    stop: threading.Event


def bring(wanted: Wanted, errand: Errand) -> Fetched:
    """Put the file into the folder, checked; a `InputError` says why no mirror could give it."""
    faults: list[InputError] = []
    target = errand.folder / wanted.path
    for mirror in wanted.urls:
        url = address(mirror, wanted.path)
        try:
            with held(url) as part:
                sha256 = _sound(part, url, wanted, errand)
                part.place(target)
        except Unfit as fault:
            faults.append(fault)
            continue
        if faults:
            sys.stderr.write(f"{wanted.path} comes from {shown(url)}: {faults[-1]}\n")
        return Fetched(wanted.path, target.stat().st_size, sha256, **signature(target))
    others = "".join(f"; and {fault.place} {fault.wrong}" for fault in faults[1:])
    raise InputError(faults[0].place, faults[0].wrong + others, faults[0].remedy)


def _sound(part: Part, url: str, wanted: Wanted, errand: Errand) -> str:
    """Fetch until the digests are right, and return the sha256.

    A file put together from pieces gets a second chance, from its start.
    """
    in_pieces = part.bytes > 0
    _whole(part, url, wanted, errand)
    sha256 = part.digest("sha256")
    wrong = _wrong(part, sha256, wanted, errand)
    if wrong and in_pieces:
        part.clear()
        _whole(part, url, wanted, errand)
        sha256 = part.digest("sha256")
        wrong = _wrong(part, sha256, wanted, errand)
    if wrong:
        part.clear()
        raise Unfit(shown(url), wrong, ASK)
    part.measured(sha256)
    return sha256


def _wrong(part: Part, sha256: str, wanted: Wanted, errand: Errand) -> str:
    """What the digests say against the file, "" when nothing."""
    stated = wanted.sha256 or part.note.digests.get("sha256", sha256)
    if sha256 != stated:
        return f"has the sha256 {sha256[:12]}..., not {stated[:12]}... as stated"
    md5 = part.note.digests.get("md5")
    if md5 and md5 != part.digest("md5"):
        return f"does not have the MD5 {md5} that its ETag states"
    return against(errand.known.get(wanted.path), part.file, sha256)


def _whole(part: Part, url: str, wanted: Wanted, errand: Errand) -> None:
    """Ask, and ask again from where it broke off, as long as that brings anything."""
    tries, most = 0, part.bytes
    while not (part.have.whole and wanted.sha256):
        if not (part.note.mark or wanted.sha256):
            part.clear()  # nothing would tell whether the rest is of the same file
        errand.tell(wanted.path, part.bytes)
        try:
            _once(part, url, wanted, errand)
            return
        except Passing as why:
            if why.again:
                part.clear()
            gained, most = part.bytes - most, max(most, part.bytes)
            tries = 0 if gained > 0 else tries + 1
            if gained < WORTH:
                _wait(why, tries, shown(url), errand)
    errand.tell(wanted.path, part.bytes)


def _once(part: Part, url: str, wanted: Wanted, errand: Errand) -> None:
    with errand.ask(url, part.have, _token(wanted, url)) as answer:
        if wanted.bytes and answer.total not in (None, wanted.bytes):
            wrong = f"has {answer.total} bytes, not {wanted.bytes} as stated"
            raise Unfit(shown(url), wrong, ASK)
        part.take(answer, partial(errand.tell, wanted.path), errand.stop)


def _wait(why: Passing, tries: int, place: str, errand: Errand) -> None:
    """Exponential back-off, spread by chance; an origin that says how long is heeded."""
    patience = errand.patience
    if tries >= patience.tries:
        raise Unfit(place, f"{why}, {tries} times in a row", KEPT) from None
    if why.wait > patience.longest:
        raise Unfit(place, f"{why} and asks to wait {why.wait:.0f} s", KEPT) from None
    pause = min(patience.longest, patience.first * 2 ** max(0, tries - 1))
    pause *= random.uniform(0.5, 1)
    if errand.stop.wait(max(pause, why.wait)):
        raise Stopped


def _token(wanted: Wanted, url: str) -> str:
    """The credential's variable, for the host it is meant for: that of the first http(s) URL."""
    web = [one for one in wanted.urls if one.startswith("http")]
    meant = bool(web) and urlsplit(web[0]).netloc == urlsplit(url).netloc
    return wanted.token if meant else ""
