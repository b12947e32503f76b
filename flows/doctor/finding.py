"""What an examination finds: a state, a sentence, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str  # one word, such as `disk`
    state: State
    sentence: str
    remedy: str = ""
    fix: Callable[[], None] | None = None  # what `--fix` may do without asking


def ok(about: str, sentence: str) -> Finding:
    return Finding(about, "ok", sentence)


def some(names: list[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if names[most:] else ""
    return ", ".join(names[:most]) + more
