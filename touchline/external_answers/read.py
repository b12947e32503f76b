"""Read answers that were made elsewhere: a JSON object a line, with a question's id and its answer.

    {"question": "match@0-60/0", "answer": "A. Travelling"}

`valid` (whether the candidate kept its own format; without it, whether the answer has any letters),
`windows` (start, end, ... of looks at the clip, seconds) and `frames` (seen in all) may stand
beside them. What ends with `</think>` in an answer is a thought, not part of it.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from touchline.chat.timecode import is_clip_time
from touchline.errors import InputError
from touchline.sources.readers import parse_json_int

LONGEST = 20_000  # letters of an answer with its thoughts
OPTIONAL = ("valid", "windows", "frames")
FORM = 'write {"question": ID, "answer": TEXT}'


class Given(NamedTuple):
    """One answer as it came."""

    said: str  # thoughts and all
    valid: bool
    windows: list[float]
    frames: int

    @property
    def answer(self) -> str:
        """What stands after the last thought."""
        return self.said.rpartition("</think>")[2].strip()


def read(file: Path, wanted: Collection[str], others: Collection[str] = ()) -> dict[str, Given]:
    """{question: its answer}; `others` are questions that exist and are not asked here.

    Raises `InputError` naming the line for one that is no such object, for a question that nobody
    asked or that was answered before, and for a file without any answer.
    """
    found: dict[str, Given] = {}
    lines: dict[str, int] = {}
    for number, row in _rows(file):
        place = f"{file}: line {number}"
        id, given = _given(place, row)
        if id in lines:
            wrong = f"question {id} was answered in line {lines[id]} already"
            raise InputError(place, wrong, "keep one answer per question")
        if id not in wanted:
            raise InputError(place, *_unknown(id, others))
        found[id], lines[id] = given, number
    if not found:
        raise InputError(file, "holds no answer", f"{FORM}, a line each")
    return found


def _unknown(id: str, others: Collection[str]) -> tuple[str, str]:
    if id in others:
        return f"question {id} is not among those scored", "leave it out, or choose its --split"
    return f"no question has the id {id!r}", "take the ids from questions.parquet"


def _rows(file: Path) -> Iterator[tuple[int, Any]]:
    """(number, what the line says) of each line that is not blank."""
    if not file.is_file():
        raise InputError(file, "is no file", "name a file with an answer a line")
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, _parsed(f"{file}: line {number}", line)


def _parsed(place: str, line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"), parse_int=parse_json_int)
    except UnicodeDecodeError:
        raise InputError(place, "is not UTF-8", "write the file in UTF-8") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; 100,000 brackets
        raise InputError(place, f"is not JSON ({error})", FORM) from None


def _given(place: str, row: Any) -> tuple[str, Given]:
    if not isinstance(row, dict):
        raise InputError(place, "is no object", FORM)
    for key in ("question", "answer"):
        if key not in row:
            raise InputError(place, f"lacks the key {key!r}", FORM)
        _check_text(f"{place}: {key}", row[key])
    strange = sorted({*row} - {"question", "answer", *OPTIONAL})
    if strange:
        known = ", ".join(OPTIONAL)
        raise InputError(place, f"has the unknown key {strange[0]!r}", f"beside them: {known}")
    said = row["answer"]
    valid, windows, frames = (row.get(key) for key in OPTIONAL)
    return row["question"], Given(
        said,
        bool(said.strip()) if valid is None else _checked(place, "valid", valid, _is_flag(valid)),
        [float(time) for time in _checked(place, "windows", windows or [], _are_times(windows))],
        _checked(place, "frames", frames or 0, _is_count(frames)),
    )


def _check_text(place: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InputError(place, f"is {type(value).__name__}, not text", "put it in quotes")
    if len(value) > LONGEST:
        raise InputError(place, f"has {len(value)} letters", f"keep at most {LONGEST}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(place, "has half a surrogate pair", "write the file in UTF-8")


def _checked(place: str, key: str, value: Any, fine: bool) -> Any:
    needs = {"valid": "true or false", "windows": "pairs of seconds", "frames": "a whole number"}
    if not fine:
        raise InputError(f"{place}: {key}", f"is not {needs[key]}", "mend it or leave it out")
    return value


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_times(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and len(value) % 2 == 0
        and all(type(time) in (int, float) and is_clip_time(time) for time in value)
    )


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 10**9)
