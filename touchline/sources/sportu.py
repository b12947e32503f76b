"""The source `sportu`: multiple-choice and open questions about slow-motion clips of seven sports.

Xia et al., "SPORTU" (ICLR 2025): two JSON files of questions, in which `id` names the clip.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import folder, ready_questions
from touchline.sources.folder import VIDEO_PATTERNS, FolderSettings, VideoFiles
from touchline.sources.readers import load_json_file
from touchline.sources.source import ReadResult, Source, SourcePart, SourceVideo

NAME = "sportu"
HOME = "https://github.com/haotianxia/SPORTU"
CHOICE, OPEN = "**/[Ss]port[Uu]_[Vv]ideo_mc.json", "**/[Ss]port[Uu]_[Vv]ideo_oe.json"
SPORT_BY_PREFIX = {  # what an id begins with, in small letters
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
CLIP_ID = re.compile(r"([A-Za-z_ -]+?)[_ -](\d+)(?:[_ -]\d+)*")  # sport_recording_cut
LETTERS = "ABCD"
FILLER_WORDS = {"a", "an", "then"}  # an open answer is judged by its other words
FIX_QUESTION = "correct the question or remove it"
PARTS = (
    SourcePart("labels", (CHOICE, OPEN), HOME, "Free for all: two JSON files in the repository."),
    SourcePart(
        "videos",
        VIDEO_PATTERNS,
        HOME,
        "One archive per sport on a Google Drive folder that the repository links to; unpack them "
        "anywhere below the folder.",
    ),
)


class SportuSettings(FolderSettings):
    """Settings of the source `sportu`."""

    seconds: float = Field(gt=0)  # of a clip whose video is not here: the files state no length


@dataclass(frozen=True)
class SportuQuestion:
    """One checked question of a question file."""

    id: str
    clip: str  # name of its video, in small letters
    sport: str
    recording: str  # what the clip was cut from
    task: str
    prompt: str
    options: list[str]
    answer: str


def download_sportu(settings: SportuSettings, source_folder: Path, executor: Executor) -> None:
    """Copy the question files and clips of SPORTU from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(NAME, settings.folder, PARTS, source_folder)


def list_sportu_videos(settings: SportuSettings, source_folder: Path) -> ReadResult[SourceVideo]:
    """List every clip that a valid question asks about, whether its file is present or not."""
    questions, file_result, video_files = *_read_questions(source_folder), VideoFiles(source_folder)
    reading: ReadResult[SourceVideo] = ReadResult(faults=file_result.faults)
    for question in {question.clip: question for question in reversed(questions.rows)}.values():
        reading.take(
            f"{NAME}/clips/{question.clip}",
            _to_source_video,
            question,
            video_files,
            settings.seconds,
        )
    return reading


def read_sportu_labels(
    settings: SportuSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read every question as a label over the whole clip."""
    questions, _ = _read_questions(source_folder)
    videos_by_id = {video.id: video for video in videos}
    reading: ReadResult[Label] = ReadResult(faults=questions.faults)
    for question in questions.rows:
        reading.take(question.id, _to_label, question, videos_by_id.get(_video_id(question)))
    return reading


def _read_questions(source_folder: Path) -> tuple[ReadResult[SportuQuestion], ReadResult[Any]]:
    """All questions; a file that cannot be read is one faulty row, named after it."""
    questions, file_result = ReadResult[SportuQuestion](), ReadResult[Any]()
    place_by_question: dict[tuple[str, str, str], str] = {}
    for task, pattern in (("choice", CHOICE), ("open", OPEN)):
        for file in folder.glob_files(source_folder, (pattern,)):
            id = f"{NAME}/{file.relative_to(source_folder).as_posix()}"
            file_result.take(id, load_json_file, file, "", list)
            for i, row in enumerate(file_result.rows.pop() if file_result.rows else []):
                questions.take(
                    f"{id}/{i}",
                    _parse_question,
                    f"{id}/{i}",
                    f"{file}: [{i}]",
                    task,
                    row,
                    place_by_question,
                )
    return questions, file_result


def _parse_question(
    id: str, place: str, task: str, row: Any, place_by_question: dict[tuple[str, str, str], str]
) -> SportuQuestion:
    keys = ("id", "question", "answer", *(["options"] if task == "choice" else []))
    missing = [key for key in keys if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(place, f"lacks the key {missing[0]!r}", FIX_QUESTION)
    sport, recording, clip = _parse_clip_id(place, row["id"])
    prompt = _parse_text(f"{place}.question", row["question"])
    options = _parse_options(f"{place}.options", row["options"]) if task == "choice" else {}
    answer = _parse_answer(f"{place}.answer", row["answer"], options)
    first = place_by_question.setdefault((clip, task, prompt.casefold()), place)
    if first != place:
        raise InputError(place, f"asks what {first} asks", "remove one of the two")
    return SportuQuestion(
        id=id,
        clip=clip,
        sport=sport,
        recording=recording,
        task=task,
        prompt=prompt,
        options=[*options.values()],
        answer=answer,
    )


def _parse_clip_id(place: str, name: Any) -> tuple[str, str, str]:
    """Sport, recording and clip of an id such as `Basketball_13_0`."""
    clip = folder.check_file_name(f"{place}.id", name).casefold()
    parts = CLIP_ID.fullmatch(clip)
    sport = SPORT_BY_PREFIX.get(re.sub(r"[_ -]", "", parts[1])) if parts else None
    if parts is None or sport is None:
        choices = ", ".join(sorted(SPORT_BY_PREFIX))
        raise InputError(
            f"{place}.id", f"{name!r} names no sport and number", f"known are {choices}"
        )
    return sport, f"{sport} {parts[2]}", clip


def _parse_text(place: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError(place, f"{text!r} is not text", FIX_QUESTION)
    return text.strip()


def _parse_options(place: str, options: Any) -> dict[str, str]:
    """The options by letter: A and B, or A to D."""
    if not isinstance(options, dict) or "".join(sorted(options)) not in (LETTERS, LETTERS[:2]):
        raise InputError(place, "are not A and B, or A to D", FIX_QUESTION)
    texts = {
        letter: _parse_text(f"{place}.{letter}", options[letter]) for letter in sorted(options)
    }
    if len(set(texts.values())) != len(texts):
        raise InputError(place, "two of them are the same", FIX_QUESTION)
    return texts


def _parse_answer(place: str, answer: Any, options: dict[str, str]) -> str:
    if options and (not isinstance(answer, str) or answer not in options):
        raise InputError(place, f"{answer!r} is not among its options", FIX_QUESTION)
    if options:
        return options[answer]
    text = _parse_text(place, answer)
    if not set(re.findall(r"[\w-]+", text.lower())) - FILLER_WORDS:
        raise InputError(place, f"{answer!r} says nothing", FIX_QUESTION)
    return text


def _video_id(question: SportuQuestion) -> str:
    return f"{NAME}/{question.recording}/{question.clip}"


def _to_source_video(
    question: SportuQuestion, video_files: VideoFiles, length: float
) -> SourceVideo:
    path = video_files.find(question.id, question.clip)
    return SourceVideo(
        id=_video_id(question),
        path=path,
        sport=question.sport,
        match=f"{NAME}/{question.recording}",
        part=question.clip,
        duration=length,
    )


def _to_label(question: SportuQuestion, video: Video | None) -> Label:
    video = ready_questions.require_video(question.id, video)
    return ready_questions.build_ready_question(
        question.id, video, question.task, question.prompt, question.answer, question.options
    )


SPORTU = Source(
    name=NAME,
    licence="none stated",
    terms="open",
    homepage=HOME,
    sports=tuple(sorted(set(SPORT_BY_PREFIX.values()))),
    tasks=("choice", "open"),
    parts=PARTS,
    settings=SportuSettings,
    download=download_sportu,
    videos=list_sportu_videos,
    labels=read_sportu_labels,
    speech=ready_questions.read_no_speech,
)
