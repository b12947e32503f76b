"""Read answers of an external model: JSON lines with a question's id and its answer.

    {"question": "match@0-60/0", "answer": "A. Travelling"}

Optional keys: `valid` (whether the answer keeps its format; default: whether it is not blank),
`windows` (start, end, ... of the tool calls, seconds) and `frames` (number of frames seen). Text up
to the last `</think>` is treated as a thought, not as part of the answer.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from touchline.chat.timecode import is_clip_time
from touchline.errors import InputError
from touchline.sources.readers import parse_json_int

MAX_ANSWER_LETTERS = 20_000  # letters of an answer with its thoughts
OPTIONAL_KEYS = ("valid", "windows", "frames")
FORMAT_REMEDY = 'write {"question": ID, "answer": TEXT}'


class ExternalAnswer(NamedTuple):
    """One external answer, as read from the file."""

    text: str  # thoughts and all
    valid: bool
    windows: list[float]
    frames: int

    @property
    def answer(self) -> str:
        """The text after the last thought."""
        return self.text.rpartition("</think>")[2].strip()


def read_external_answers(
    file: Path, question_ids: Collection[str], others: Collection[str] = ()
) -> dict[str, ExternalAnswer]:
    """{question id: its answer}; `others` are ids that exist but are not scored here.

    Raises `InputError` naming the line for a malformed line, an unknown or repeated question, and
    for a file without answers.
    """
    answer_by_question: dict[str, ExternalAnswer] = {}
    lines: dict[str, int] = {}
    for number, row in _read_json_lines(file):
        place = f"{file}: line {number}"
        id, answer = _parse_answer(place, row)
        if id in lines:
            wrong = f"question {id} was answered in line {lines[id]} already"
            raise InputError(place, wrong, "keep one answer per question")
        if id not in question_ids:
            raise InputError(place, *_explain_unknown_question(id, others))
        answer_by_question[id], lines[id] = answer, number
    if not answer_by_question:
        raise InputError(file, "holds no answer", f"{FORMAT_REMEDY}, a line each")
    return answer_by_question


def _explain_unknown_question(id: str, others: Collection[str]) -> tuple[str, str]:
    if id in others:
        return f"question {id} is not among those scored", "leave it out, or choose its --split"
    return f"no question has the id {id!r}", "take the ids from questions.parquet"


def _read_json_lines(file: Path) -> Iterator[tuple[int, Any]]:
    """Yield (line number, parsed JSON) of each line that is not blank."""
    if not file.is_file():
        raise InputError(file, "is not a file", "name a file with an answer a line")
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, _parse_json_line(f"{file}: line {number}", line)


def _parse_json_line(place: str, line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"), parse_int=parse_json_int)
    except UnicodeDecodeError:
        raise InputError(place, "is not UTF-8", "write the file in UTF-8") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; 100,000 brackets
        raise InputError(place, f"is not JSON ({error})", FORMAT_REMEDY) from None


def _parse_answer(place: str, row: Any) -> tuple[str, ExternalAnswer]:
    if not isinstance(row, dict):
        raise InputError(place, "is not an object", FORMAT_REMEDY)
    for key in ("question", "answer"):
        if key not in row:
            raise InputError(place, f"lacks the key {key!r}", FORMAT_REMEDY)
        _check_text(f"{place}: {key}", row[key])
    unknown_keys = sorted({*row} - {"question", "answer", *OPTIONAL_KEYS})
    if unknown_keys:
        optional_names = ", ".join(OPTIONAL_KEYS)
        raise InputError(
            place, f"has the unknown key {unknown_keys[0]!r}", f"beside them: {optional_names}"
        )
    text = row["answer"]
    valid, windows, frames = (row.get(key) for key in OPTIONAL_KEYS)
    return row["question"], ExternalAnswer(
        text,
        bool(text.strip())
        if valid is None
        else _require_valid(place, "valid", valid, _is_flag(valid)),
        [
            float(time)
            for time in _require_valid(place, "windows", windows or [], _are_times(windows))
        ],
        _require_valid(place, "frames", frames or 0, _is_count(frames)),
    )


def _check_text(place: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InputError(place, f"is {type(value).__name__}, not text", "put it in quotes")
    if len(value) > MAX_ANSWER_LETTERS:
        raise InputError(place, f"has {len(value)} letters", f"keep at most {MAX_ANSWER_LETTERS}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(place, "has half a surrogate pair", "write the file in UTF-8")


def _require_valid(place: str, key: str, value: Any, fine: bool) -> Any:
    needs = {"valid": "true or false", "windows": "pairs of seconds", "frames": "a whole number"}
    if not fine:
        raise InputError(f"{place}: {key}", f"is not {needs[key]}", "correct it or leave it out")
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
