"""The source `finebadminton`: badminton clips with four-way multiple-choice questions, read from a
folder.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import folder as folders
from touchline.sources import ready_questions
from touchline.sources.folder import FolderSettings
from touchline.sources.readers import load_json_file
from touchline.sources.source import ReadResult, Source, SourcePart, SourceVideo

NAME, HOME = "finebadminton", "https://github.com/iLearn-Lab/MM25-FineBadminton"
QUESTIONS, CLIPS = "questions.json", "video"
QUESTION_KEYS = ("question_id", "video_id", "question", "options_en", "answer")
LETTERS = "ABCD"
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FPS = 25.0  # at which the questions count frames of the broadcast
FIX_QUESTION = "correct the question or remove it"
PARTS = (
    SourcePart("labels", (QUESTIONS,), HOME, "Free for all, in the repository."),
    SourcePart(
        "videos", (f"{CLIPS}/*.mp4",), HOME, "In the repository, one short clip per question."
    ),
)


@dataclass(frozen=True)
class FineBadmintonQuestion:
    """One checked question of the question file. `seconds` is the clip's length by the broadcast's
    frame numbers, 0 without them.
    """

    id: str
    index: int  # in the file
    clip: str  # file name
    match: str
    seconds: float  # as the frame numbers of the broadcast have it; 0 without them
    prompt: str
    options: list[str]  # without their letters
    answer: str  # one of the options


def download_finebadminton(settings: FolderSettings, folder: Path, executor: Executor) -> None:
    """Copy the question file and all clips. Raises InputError if a copy differs from
    its original.
    """
    folders.copy_source_files(NAME, settings.folder, PARTS, folder)


def list_finebadminton_videos(settings: FolderSettings, folder: Path) -> ReadResult[SourceVideo]:
    """List every clip that a question asks about. A clip's match is the broadcast it
    was cut from.
    """
    question_by_clip = {
        question.clip: question for question in read_finebadminton_questions(folder).rows
    }
    reading: ReadResult[SourceVideo] = ReadResult()
    path_by_name = {path.name: path for path in sorted((folder / CLIPS).glob("*.mp4"))}
    for name, path in path_by_name.items():
        reading.take(
            f"{NAME}/{CLIPS}/{name}", _to_source_video, path, folder, question_by_clip.get(name)
        )
    for name, question in question_by_clip.items():
        if name not in path_by_name:
            reading.take(f"{NAME}/{CLIPS}/{name}", _to_absent_video, folder, question)
    return reading


def read_finebadminton_labels(
    settings: FolderSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read every question as a `choice` label over the whole clip."""
    parsed, clips = (
        read_finebadminton_questions(folder),
        {f"{video.part}.mp4": video for video in videos},
    )
    reading: ReadResult[Label] = ReadResult(faults=parsed.faults)
    for question in parsed.rows:
        reading.take(
            f"finebadminton/questions/{question.index}", _to_label, folder, question, clips
        )
    return reading


def read_finebadminton_questions(folder: Path) -> ReadResult[FineBadmintonQuestion]:
    """Parse all questions. Raises InputError if the file itself cannot be read."""
    file = folder / QUESTIONS
    reading: ReadResult[FineBadmintonQuestion] = ReadResult()
    index_by_id: dict[str, int] = {}
    for index, row in enumerate(load_json_file(file, "", list)):
        place = f"{file}: [{index}]"
        reading.take(
            f"finebadminton/questions/{index}", _parse_question, place, index, row, index_by_id
        )
    return reading


def _parse_question(
    place: str, index: int, row: Any, index_by_id: dict[str, int]
) -> FineBadmintonQuestion:
    missing = [key for key in QUESTION_KEYS if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(place, f"lacks the key {missing[0]!r}", FIX_QUESTION)
    id, match = (
        _parse_file_name(place, row, "question_id"),
        _parse_file_name(place, row, "video_id"),
    )
    first = index_by_id.setdefault(id, index)
    if first != index:
        raise InputError(place, f"has the question_id of [{first}]", "remove one of the two")
    prompt = row["question"].get("question_en") if isinstance(row["question"], dict) else None
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError(f"{place}.question", "lacks the text question_en", FIX_QUESTION)
    options = _parse_options(f"{place}.options_en", row["options_en"])
    letter = row["answer"]
    if letter not in list(LETTERS[: len(options)]):
        raise InputError(f"{place}.answer", f"{letter!r} is not among its options", FIX_QUESTION)
    answer = options[LETTERS.index(letter)]
    clip, cut_from = f"{id}.mp4", match.removesuffix(".mp4")
    return FineBadmintonQuestion(
        id=id,
        index=index,
        clip=clip,
        match=cut_from,
        seconds=_clip_seconds(row),
        prompt=prompt.strip(),
        options=options,
        answer=answer,
    )


def _clip_seconds(row: dict[str, Any]) -> float:
    """From the frame numbers of the broadcast, both ends counted."""
    first, last = row.get("start_frame"), row.get("end_frame")
    if type(first) is not int or type(last) is not int or not 0 <= first < last < 10**7:
        return 0.0
    return (last - first + 1) / FPS


def _parse_file_name(place: str, row: dict[str, Any], key: str) -> str:
    """An id as a file name: blanks are underscores there, and it can lead to no other folder."""
    name = str(row[key]).replace(" ", "_")
    if not SAFE_NAME.fullmatch(name):
        raise InputError(f"{place}.{key}", f"{row[key]!r} cannot be a file name", FIX_QUESTION)
    return name


def _parse_options(place: str, options: Any) -> list[str]:
    """Options without their letters, which must be in order: `A. smash` is `smash`."""
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise InputError(place, "is not a list of two to four options", FIX_QUESTION)
    letter_matches = [
        re.fullmatch(r"([A-D])\.\s*(\S.*)", str(option), re.DOTALL) for option in options
    ]
    if [match and match[1] for match in letter_matches] != list(LETTERS[: len(options)]):
        raise InputError(place, "options do not begin with A., B., ... in order", FIX_QUESTION)
    texts = [match[2].strip() for match in letter_matches if match]
    if len(set(texts)) != len(texts):
        raise InputError(place, "two options are the same", FIX_QUESTION)
    return texts


def _to_source_video(
    path: Path, folder: Path, question: FineBadmintonQuestion | None
) -> SourceVideo:
    if question is None:
        wrong = f"no good question of {QUESTIONS} asks about this clip"
        raise InputError(path, wrong, "remove the clip or add its question")
    match = f"{NAME}/{question.match}"
    return SourceVideo(
        f"{match}/{path.stem}", path.relative_to(folder), "badminton", match, path.stem
    )


def _to_absent_video(folder: Path, question: FineBadmintonQuestion) -> SourceVideo:
    """A clip whose file is not here; without frame numbers nobody knows how long it is."""
    if not question.seconds:
        place, wrong = (
            f"{folder / QUESTIONS}: [{question.index}]",
            f"its clip {question.clip} is not here",
        )
        raise InputError(place, wrong, f"put it into {CLIPS}/ or state start_frame and end_frame")
    match, stem = f"{NAME}/{question.match}", Path(question.clip).stem
    return SourceVideo(
        id=f"{match}/{stem}",
        path=None,
        sport="badminton",
        match=match,
        part=stem,
        duration=question.seconds,
    )


def _to_label(folder: Path, question: FineBadmintonQuestion, clips: dict[str, Video]) -> Label:
    if question.clip not in clips:
        place, wrong = (
            f"{folder / QUESTIONS}: [{question.index}]",
            f"has no readable clip {question.clip}",
        )
        raise InputError(place, wrong, f"put it into {CLIPS}/ or remove the question")
    video = clips[question.clip]
    id = f"{video.id}/question"
    return ready_questions.build_ready_question(
        id, video, "choice", question.prompt, question.answer, question.options
    )


FINEBADMINTON = Source(
    name=NAME,
    licence="Apache-2.0",
    terms="open",
    homepage=HOME,
    sports=("badminton",),
    tasks=("choice",),
    parts=PARTS,
    settings=FolderSettings,
    download=download_finebadminton,
    videos=list_finebadminton_videos,
    labels=read_finebadminton_labels,
    speech=ready_questions.read_no_speech,
)
