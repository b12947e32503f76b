"""The source `finebadminton`: real badminton clips with ready four-way questions, from a folder."""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.faults import BadInput
from touchline.products import whole_file
from touchline.progress import track
from touchline.records import Label, Speech, Video
from touchline.sources.json_file import load
from touchline.sources.source import Found, Reading, Source
from touchline.stage import Params

QUESTIONS, CLIPS = "questions.json", "video"
KEYS = ("question_id", "video_id", "question", "options_en", "answer")
LETTERS = "ABCD"
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MEND = "mend the question or remove it"


class Settings(Params):
    folder: str = Field(min_length=1)  # relative: below $TOUCHLINE_ROOT, else the working folder


@dataclass(frozen=True)
class Ask:
    """One question as the file has it, checked."""

    id: str
    index: int  # in the file
    clip: str  # file name
    match: str
    asked: str
    options: list[str]  # without their letters
    answer: str  # one of the options


def download(settings: Settings, folder: Path, executor: Executor) -> None:
    """Copy the questions and all clips; a copy that differs from its original is a `BadInput`."""
    origin = Path(os.environ.get("TOUCHLINE_ROOT", "."), settings.folder)
    clips = sorted((origin / CLIPS).glob("*.mp4"))
    if not (origin / QUESTIONS).is_file() or not clips:
        wrong = f"holds no {QUESTIONS}" if clips else f"holds no {CLIPS}/*.mp4"
        remedy = "set download.sources.finebadminton.folder to the data"
        raise BadInput(origin, wrong if origin.is_dir() else "is missing", remedy)
    _copy(origin / QUESTIONS, folder / QUESTIONS)
    for clip in track(clips, "copy"):
        _copy(clip, folder / CLIPS / clip.name)


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    """Every clip that a question asks about; the match is the broadcast it was cut from."""
    matches = {ask.clip: ask.match for ask in questions(folder).rows}
    reading: Reading[Found] = Reading()
    for path in sorted((folder / CLIPS).glob("*.mp4")):
        reading.take(f"finebadminton/{CLIPS}/{path.name}", _found, path, folder, matches)
    return reading


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    asks, clips = questions(folder), {Path(video.path).name: video for video in found}
    reading: Reading[Label] = Reading(faults=asks.faults)
    for ask in asks.rows:
        reading.take(f"finebadminton/questions/{ask.index}", _label, folder, ask, clips)
    return reading


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    """The clips come without commentary."""
    return Reading()


def questions(folder: Path) -> Reading[Ask]:
    """All questions; a `BadInput` when the file as a whole cannot be read."""
    file = folder / QUESTIONS
    reading: Reading[Ask] = Reading()
    seen: dict[str, int] = {}
    for index, row in enumerate(load(file, "", list)):
        place = f"{file}: [{index}]"
        reading.take(f"finebadminton/questions/{index}", _ask, place, index, row, seen)
    return reading


def _ask(place: str, index: int, row: Any, seen: dict[str, int]) -> Ask:
    missing = [key for key in KEYS if not isinstance(row, dict) or key not in row]
    if missing:
        raise BadInput(place, f"lacks the key {missing[0]!r}", MEND)
    id, match = _name(place, row, "question_id"), _name(place, row, "video_id")
    first = seen.setdefault(id, index)
    if first != index:
        raise BadInput(place, f"has the question_id of [{first}]", "remove one of the two")
    asked = row["question"].get("question_en") if isinstance(row["question"], dict) else None
    if not isinstance(asked, str) or not asked.strip():
        raise BadInput(f"{place}.question", "lacks the text question_en", MEND)
    options = _options(f"{place}.options_en", row["options_en"])
    letter = row["answer"]
    if letter not in list(LETTERS[: len(options)]):
        raise BadInput(f"{place}.answer", f"{letter!r} is not among its options", MEND)
    answer = options[LETTERS.index(letter)]
    return Ask(id, index, f"{id}.mp4", match.removesuffix(".mp4"), asked.strip(), options, answer)


def _name(place: str, row: dict[str, Any], key: str) -> str:
    """An id as a file name: blanks are underscores there, and it can lead to no other folder."""
    name = str(row[key]).replace(" ", "_")
    if not SAFE.fullmatch(name):
        raise BadInput(f"{place}.{key}", f"{row[key]!r} cannot be a file name", MEND)
    return name


def _options(place: str, options: Any) -> list[str]:
    """Options without their letters, which must be in order: `A. smash` is `smash`."""
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise BadInput(place, "is not a list of two to four options", MEND)
    found = [re.fullmatch(r"([A-D])\.\s*(\S.*)", str(option), re.DOTALL) for option in options]
    if [match and match[1] for match in found] != list(LETTERS[: len(options)]):
        raise BadInput(place, "options do not begin with A., B., ... in order", MEND)
    texts = [match[2].strip() for match in found if match]
    if len(set(texts)) != len(texts):
        raise BadInput(place, "two options are the same", MEND)
    return texts


def _found(path: Path, folder: Path, matches: dict[str, str]) -> Found:
    if path.name not in matches:
        wrong = f"no good question of {QUESTIONS} asks about this clip"
        raise BadInput(path, wrong, "remove the clip or add its question")
    match = f"finebadminton/{matches[path.name]}"
    return Found(f"{match}/{path.stem}", path.relative_to(folder), "badminton", match, path.stem)


def _label(folder: Path, ask: Ask, clips: dict[str, Video]) -> Label:
    if ask.clip not in clips:
        place, wrong = f"{folder / QUESTIONS}: [{ask.index}]", f"has no readable clip {ask.clip}"
        raise BadInput(place, wrong, f"put it into {CLIPS}/ or remove the question")
    video = clips[ask.clip]
    return Label(
        id=f"{video.id}/question",
        video=video.id,
        name="",
        start=0.0,
        end=video.duration,
        team="",
        task="choice",
        asked=ask.asked,
        options=ask.options,
        answer=ask.answer,
    )


def _copy(origin: Path, target: Path) -> None:
    with whole_file(target) as draft:
        shutil.copyfile(origin, draft)
        if _digest(draft) != _digest(origin):
            raise BadInput(origin, "its copy differs", "check the disks and run again")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


FINEBADMINTON = Source(
    name="finebadminton",
    licence="Apache-2.0",
    terms="open",
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)
