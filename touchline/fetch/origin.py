"""What an origin of files says, in one form for HTTP, S3 and disks."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from touchline.faults import BadInput

PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be gone on the next try
CHANGED = {412, 416}  # the file is no longer the one that a part of is here
UNCHANGED = 304


@dataclass(frozen=True)
class Have:
    """What is here of a file already. `mark` is the origin's word for this very content."""

    bytes: int
    mark: str  # ETag, date or the like; "" when the origin has none
    whole: bool


@dataclass(frozen=True)
class Answer:
    """The rest of a file: its bytes from `at` on."""

    at: int
    total: int | None  # bytes of the whole file, None when the origin does not say
    mark: str
    chunks: Iterable[bytes]
    digests: dict[str, str] = field(default_factory=dict)  # algorithm -> hex, as stated


Ask = Callable[[str, Have, str], AbstractContextManager[Answer]]  # URL, what is here, credential


class Passing(Exception):
    """A failure that may be gone on the next try; the text is the end of a sentence."""

    def __init__(self, said: str, wait: float = 0.0, again: bool = False) -> None:
        super().__init__(said)
        self.wait = wait  # seconds the origin asks to be left alone
        self.again = again  # what is here is of another file: begin anew


class Unfit(BadInput):
    """This mirror cannot give the file; another one may."""


def refused(place: str, status: int, said: str, token: str) -> Exception:
    """What an HTTP status (S3's too) means, as an exception; `token` names the credential."""
    if status in CHANGED:
        return Passing("has changed meanwhile", again=True)
    credential = f"set {token}" if token else "give its credential in the environment"
    known = {
        401: ("asks for a credential, or takes the one given for wrong (401)", credential),
        403: ("refuses access (403)", f"ask its owner for access, then {credential}"),
        404: ("is not there (404)", "check the address, or take the file out of the list"),
        410: ("is not there any more (410)", "take the file out of the list"),
    }
    wrong, remedy = known.get(status, (f"answers {status} {said}".rstrip(), "ask its owner"))
    return Unfit(place, wrong, remedy)


def unchanged(have: Have) -> Answer:
    """What is here is whole and still the same."""
    return Answer(have.bytes, have.bytes, have.mark, ())
