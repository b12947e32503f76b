"""The result of a doctor check: a state, a sentence and a remedy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

FindingState = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class DoctorFinding:
    """Result of one check. `fix` is a function that `--fix` calls, or None."""

    about: str  # one word, such as `disk`
    state: FindingState
    sentence: str
    remedy: str = ""
    fix: Callable[[], None] | None = None  # what `--fix` may do without asking


def report_ok(about: str, sentence: str) -> DoctorFinding:
    """A finding with the state `ok`."""
    return DoctorFinding(about, "ok", sentence)


def list_first_names(names: list[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if names[most:] else ""
    return ", ".join(names[:most]) + more
