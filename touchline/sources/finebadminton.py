"""The source `finebadminton`: real badminton clips with ready four-way questions, from a folder."""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import folder as folders
from touchline.sources import ready_questions
from touchline.sources.folder import Folder
from touchline.sources.readers import load
from touchline.sources.source import Found, Part, Reading, Source

NAME, HOME = "finebadminton", "https://github.com/iLearn-Lab/MM25-FineBadminton"
QUESTIONS, CLIPS = "questions.json", "video"
KEYS = ("question_id", "video_id", "question", "options_en", "answer")
LETTERS = "ABCD"
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FPS = 25.0  # at which the questions count frames of the broadcast
MEND = "mend the question or remove it"
PARTS = (
    Part("labels", (QUESTIONS,), HOME, "Free for all, in the repository."),
    Part("videos", (f"{CLIPS}/*.mp4",), HOME, "In the repository, one short clip per question."),
)


@dataclass(frozen=True)
class Ask:
    """One question as the file has it, checked."""

    id: str
    index: int  # in the file
    clip: str  # file name
    match: str
    seconds: float  # as the frame numbers of the broadcast have it; 0 without them
    asked: str
    options: list[str]  # without their letters
    answer: str  # one of the options


def download(settings: Folder, folder: Path, executor: Executor) -> None:
    """Copy the questions and all clips; a copy that differs from its original is a `BadInput`."""
    folders.bring(NAME, settings.folder, PARTS, folder)


def videos(settings: Folder, folder: Path) -> Reading[Found]:
    """Every clip that a question asks about; the match is the broadcast it was cut from."""
    asks = {ask.clip: ask for ask in questions(folder).rows}
    reading: Reading[Found] = Reading()
    here = {path.name: path for path in sorted((folder / CLIPS).glob("*.mp4"))}
    for name, path in here.items():
        reading.take(f"{NAME}/{CLIPS}/{name}", _found, path, folder, asks.get(name))
    for name, ask in asks.items():
        if name not in here:
            reading.take(f"{NAME}/{CLIPS}/{name}", _listed, folder, ask)
    return reading


def labels(settings: Folder, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    asks, clips = questions(folder), {f"{video.part}.mp4": video for video in found}
    reading: Reading[Label] = Reading(faults=asks.faults)
    for ask in asks.rows:
        reading.take(f"finebadminton/questions/{ask.index}", _label, folder, ask, clips)
    return reading


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
    clip, cut_from = f"{id}.mp4", match.removesuffix(".mp4")
    return Ask(id, index, clip, cut_from, _seconds(row), asked.strip(), options, answer)


def _seconds(row: dict[str, Any]) -> float:
    """From the frame numbers of the broadcast, both ends counted."""
    first, last = row.get("start_frame"), row.get("end_frame")
    if type(first) is not int or type(last) is not int or not 0 <= first < last < 10**7:
        return 0.0
    return (last - first + 1) / FPS


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


def _found(path: Path, folder: Path, ask: Ask | None) -> Found:
    if ask is None:
        wrong = f"no good question of {QUESTIONS} asks about this clip"
        raise BadInput(path, wrong, "remove the clip or add its question")
    match = f"{NAME}/{ask.match}"
    return Found(f"{match}/{path.stem}", path.relative_to(folder), "badminton", match, path.stem)


def _listed(folder: Path, ask: Ask) -> Found:
    """A clip whose file is not here; without frame numbers nobody knows how long it is."""
    if not ask.seconds:
        place, wrong = f"{folder / QUESTIONS}: [{ask.index}]", f"its clip {ask.clip} is not here"
        raise BadInput(place, wrong, f"put it into {CLIPS}/ or state start_frame and end_frame")
    match, stem = f"{NAME}/{ask.match}", Path(ask.clip).stem
    return Found(f"{match}/{stem}", None, "badminton", match, stem, ask.seconds)


def _label(folder: Path, ask: Ask, clips: dict[str, Video]) -> Label:
    if ask.clip not in clips:
        place, wrong = f"{folder / QUESTIONS}: [{ask.index}]", f"has no readable clip {ask.clip}"
        raise BadInput(place, wrong, f"put it into {CLIPS}/ or remove the question")
    video = clips[ask.clip]
    id = f"{video.id}/question"
    return ready_questions.question(id, video, "choice", ask.asked, ask.answer, ask.options)


FINEBADMINTON = Source(
    name=NAME,
    licence="Apache-2.0",
    terms="open",
    homepage=HOME,
    sports=("badminton",),
    tasks=("choice",),
    parts=PARTS,
    settings=Folder,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)
