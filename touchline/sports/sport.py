"""Definition of a sport: its labels, the words for them, and keywords that name them
in commentary.
"""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sport:
    """One sport. A label is the class name in a source's file; a word is its name in questions."""

    name: str
    idle: str  # word for a frame that shows nothing of note
    words: dict[str, str]  # label -> word; several labels may share a word
    spotting_words: tuple[str, ...]  # the words that action spotting asks for
    reach: float  # seconds before and after a label in which the action can be seen
    keywords: dict[str, tuple[str, ...]]  # word -> lower-case words that betray it in commentary
    interval: float = math.inf  # seconds of a spotting answer at most; `ask.interval` may be less
    # word -> what else a request may call it: lower case, singular
    synonyms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    period: str = "half"  # what a match is divided into
    period_seconds: float = math.inf  # after which the clock of the next one begins
    has_running_clock: bool = False  # the clock on screen runs on through a period
    score_label: str = ""  # the label that changes a match's score by one; "" for none
    told_words: tuple[str, ...] = ()  # the words whose team commentary tells reliably
    asks_for_call: bool = False  # a clip with a single label is asked which of `words` it is
    asks_for_count: bool = False  # a clip with one whole rally is asked for its strokes
