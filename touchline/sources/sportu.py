"""The source `sportu`: questions about slow-motion clips of seven sports, of choice and open.

Xia et al., "SPORTU" (ICLR 2025): two JSON files of questions, in which `id` names the clip.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import folder, ready_questions
from touchline.sources.folder import FILMS, Films, Folder
from touchline.sources.readers import load
from touchline.sources.source import Found, Part, Reading, Source

NAME = "sportu"
HOME = "https://github.com/haotianxia/SPORTU"
CHOICE, OPEN = "**/[Ss]port[Uu]_[Vv]ideo_mc.json", "**/[Ss]port[Uu]_[Vv]ideo_oe.json"
SPORTS = {  # what an id begins with, in small letters
    "americanfootball": "american football",
    "badminton": "badminton",
    "baseball": "baseball",
    "basketball": "basketball",
    "football": "american football",
    "hockey": "ice hockey",
    "icehockey": "ice hockey",
    "soccer": "soccer",
    "tennis": "tennis",
    "volleyball": "volleyball",
}
CLIP = re.compile(r"([A-Za-z_ -]+?)[_ -](\d+)(?:[_ -]\d+)*")  # sport_recording_cut
LETTERS = "ABCD"
FILLERS = {"a", "an", "then"}  # an open answer is judged by its other words
MEND = "mend the question or remove it"
PARTS = (
    Part("labels", (CHOICE, OPEN), HOME, "Free for all: two JSON files in the repository."),
    Part(
        "videos",
        FILMS,
        HOME,
        "One archive per sport on a Google Drive folder that the repository links to; unpack them "
        "anywhere below the folder.",
    ),
)


class Settings(Folder):
    seconds: float = Field(gt=0)  # of a clip whose video is not here: the files state no length


@dataclass(frozen=True)
class Ask:
    """One question as a file has it, checked."""

    id: str
    clip: str  # name of its video, in small letters
    sport: str
    recording: str  # what the clip was cut from
    task: str
    asked: str
    options: list[str]
    answer: str


def download(settings: Settings, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Settings, own: Path) -> Reading[Found]:
    """Every clip that a good question asks about, whether its file is here or not."""
    asks, whole, films = *_questions(own), Films(own)
    reading: Reading[Found] = Reading(faults=whole.faults)
    for ask in {ask.clip: ask for ask in reversed(asks.rows)}.values():
        reading.take(f"{NAME}/clips/{ask.clip}", _found, ask, films, settings.seconds)
    return reading


def labels(settings: Settings, own: Path, found: Sequence[Video]) -> Reading[Label]:
    """Every question, as a label over the whole of its clip."""
    asks, _ = _questions(own)
    known = {video.id: video for video in found}
    reading: Reading[Label] = Reading(faults=asks.faults)
    for ask in asks.rows:
        reading.take(ask.id, _label, ask, known.get(_video(ask)))
    return reading


def _questions(own: Path) -> tuple[Reading[Ask], Reading[Any]]:
    """All questions; a file that cannot be read is one faulty row, named after it."""
    asks, whole = Reading[Ask](), Reading[Any]()
    seen: dict[tuple[str, str, str], str] = {}
    for task, pattern in (("choice", CHOICE), ("open", OPEN)):
        for file in folder.matching(own, (pattern,)):
            id = f"{NAME}/{file.relative_to(own).as_posix()}"
            whole.take(id, load, file, "", list)
            for i, row in enumerate(whole.rows.pop() if whole.rows else []):
                asks.take(f"{id}/{i}", _ask, f"{id}/{i}", f"{file}: [{i}]", task, row, seen)
    return asks, whole


def _ask(id: str, place: str, task: str, row: Any, seen: dict[tuple[str, str, str], str]) -> Ask:
    keys = ("id", "question", "answer", *(["options"] if task == "choice" else []))
    missing = [key for key in keys if not isinstance(row, dict) or key not in row]
    if missing:
        raise BadInput(place, f"lacks the key {missing[0]!r}", MEND)
    sport, recording, clip = _named(place, row["id"])
    asked = _text(f"{place}.question", row["question"])
    options = _options(f"{place}.options", row["options"]) if task == "choice" else {}
    answer = _answer(f"{place}.answer", row["answer"], options)
    first = seen.setdefault((clip, task, asked.casefold()), place)
    if first != place:
        raise BadInput(place, f"asks what {first} asks", "remove one of the two")
    return Ask(id, clip, sport, recording, task, asked, [*options.values()], answer)


def _named(place: str, name: Any) -> tuple[str, str, str]:
    """Sport, recording and clip of an id such as `Basketball_13_0`."""
    clip = folder.file_name(f"{place}.id", name).casefold()
    parts = CLIP.fullmatch(clip)
    sport = SPORTS.get(re.sub(r"[_ -]", "", parts[1])) if parts else None
    if parts is None or sport is None:
        known = ", ".join(sorted(SPORTS))
        raise BadInput(f"{place}.id", f"{name!r} names no sport and number", f"known are {known}")
    return sport, f"{sport} {parts[2]}", clip


def _text(place: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise BadInput(place, f"{text!r} is no text", MEND)
    return text.strip()


def _options(place: str, options: Any) -> dict[str, str]:
    """The options by letter: A and B, or A to D."""
    if not isinstance(options, dict) or "".join(sorted(options)) not in (LETTERS, LETTERS[:2]):
        raise BadInput(place, "are not A and B, or A to D", MEND)
    texts = {letter: _text(f"{place}.{letter}", options[letter]) for letter in sorted(options)}
    if len(set(texts.values())) != len(texts):
        raise BadInput(place, "two of them are the same", MEND)
    return texts


def _answer(place: str, answer: Any, options: dict[str, str]) -> str:
    if options and (not isinstance(answer, str) or answer not in options):
        raise BadInput(place, f"{answer!r} is not among its options", MEND)
    if options:
        return options[answer]
    said = _text(place, answer)
    if not set(re.findall(r"[\w-]+", said.lower())) - FILLERS:
        raise BadInput(place, f"{answer!r} says nothing", MEND)
    return said


def _video(ask: Ask) -> str:
    return f"{NAME}/{ask.recording}/{ask.clip}"


def _found(ask: Ask, films: Films, length: float) -> Found:
    path = films.find(ask.id, ask.clip)
    return Found(_video(ask), path, ask.sport, f"{NAME}/{ask.recording}", ask.clip, length)


def _label(ask: Ask, video: Video | None) -> Label:
    video = ready_questions.kept(ask.id, video)
    return ready_questions.question(ask.id, video, ask.task, ask.asked, ask.answer, ask.options)


SPORTU = Source(
    name=NAME,
    licence="none stated",
    terms="open",
    homepage=HOME,
    sports=tuple(sorted(set(SPORTS.values()))),
    tasks=("choice", "open"),
    parts=PARTS,
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)
