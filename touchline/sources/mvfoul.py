"""The source `mvfoul`: SoccerNet-MVFoul's clips of fouls, with the referee's decision on each.

Held et al., "VARS" (CVPR workshops 2023): one `annotations.json` per split, several clips per foul.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import folder, ready_questions
from touchline.sources.folder import FolderSettings
from touchline.sources.readers import load_json_file
from touchline.sources.ready_questions import read_source_prompt, shuffle_options
from touchline.sources.source import ReadResult, RowFault, Source, SourcePart, SourceVideo

NAME = "mvfoul"
HOME = "https://github.com/SoccerNet/sn-mvfoul"
ANNOTATIONS = ("**/annotations.json",)
CLIPS = ("**/action_*/clip_*.mp4",)
CLIP_SECONDS = 5.0  # of a clip; measured on 14 of them: 5.04 to 5.09
CLIP_URL = re.compile(r"(?:[^/]+/)*(action_\d{1,6})/(clip_\d{1,3})", re.ASCII)
GAME_PATH = re.compile(r"[^/]+/[^/]+/[^/]+")
CLASSES = {
    "Tackling": "tackling",
    "Standing tackling": "standing tackling",
    "High leg": "high leg",
    "Holding": "holding",
    "Pushing": "pushing",
    "Elbowing": "elbowing",
    "Challenge": "challenge",
    "Dive": "dive",
}
NO_OFFENCE = "no offence"
CARDS = {  # the severities between them are undecided
    "1.0": "offence without a card",
    "3.0": "offence and yellow card",
    "5.0": "offence and red card",
}
FIX_ACTION = "correct the action or remove it"
PARTS = (
    SourcePart(
        "labels",
        ANNOTATIONS,
        "https://huggingface.co/datasets/SoccerNet/SN-MVFouls-2025",
        "Sign SoccerNet's agreement (https://www.soccer-net.org) and ask for access; the archive "
        "of each split holds its annotations.json.",
    ),
    SourcePart(
        "videos",
        CLIPS,
        "https://huggingface.co/datasets/SoccerNet/SN-MVFouls-2025",
        "In the same archives, beside the annotations; they open with the password that SoccerNet "
        "sends to those who signed.",
    ),
)


@dataclass(frozen=True)
class FoulClip:
    """One checked clip of an action; the referee's decision in `action` is checked later."""

    id: str
    video: str  # id
    match: str
    place: str
    path: PurePosixPath  # below the source's folder, whether the file is here or not
    action: dict[str, Any]


def download_mvfoul(settings: FolderSettings, source_folder: Path, executor: Executor) -> None:
    """Copy the annotations and clips of MVFoul from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(NAME, settings.folder, PARTS, source_folder)


def list_mvfoul_videos(settings: FolderSettings, source_folder: Path) -> ReadResult[SourceVideo]:
    """List every annotated clip, whether its file is present or not. Replays are clips, too."""
    reading: ReadResult[SourceVideo] = ReadResult()
    clips = _read_clips(source_folder)
    reading.faults += clips.faults
    for clip in clips.rows:
        path = Path(clip.path) if (source_folder / clip.path).is_file() else None
        part = "/".join(clip.path.with_suffix("").parts[-2:])
        reading.rows.append(
            SourceVideo(
                id=clip.video,
                path=path,
                sport="soccer",
                match=clip.match,
                part=part,
                duration=CLIP_SECONDS,
            )
        )
    return reading


def read_mvfoul_labels(
    settings: FolderSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read three questions per clip: kind of challenge, decision, and both in one sentence.

    Where the annotators left a field open, only the questions that need it become faults.
    """
    videos_by_id = {video.id: video for video in videos}
    reading: ReadResult[Label] = ReadResult()
    for clip in _read_clips(source_folder).rows:
        for part, make in (
            ("class", _class_question),
            ("decision", _decision_question),
            ("foul", _foul_question),
        ):
            reading.take(f"{clip.id}/{part}", make, clip, videos_by_id.get(clip.video))
    return reading


def _read_clips(source_folder: Path) -> ReadResult[FoulClip]:
    reading: ReadResult[FoulClip] = ReadResult()
    place_by_path: dict[PurePosixPath, str] = {}
    for file in folder.glob_files(source_folder, ANNOTATIONS):
        below = PurePosixPath(file.relative_to(source_folder).parent)
        id = f"{NAME}/{below / file.name}"
        file_result = ReadResult[Any]()
        file_result.take(id, load_json_file, file, "Actions", dict)
        reading.faults += file_result.faults
        for actions in file_result.rows:
            for row, place, action, clip in _iterate_clips(id, file, actions, reading.faults):
                reading.take(row, _parse_clip, row, place, below, action, clip, place_by_path)
    return reading


def _iterate_clips(
    id: str, file: Path, actions: dict[str, Any], faults: list[RowFault]
) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """(id, place, action, clip) of every clip; an action without a list of clips is a fault."""
    for i, (name, action) in enumerate(actions.items()):
        place = f"{file}: Actions[{name!r}]"
        clips = action.get("Clips") if isinstance(action, dict) else None
        if not isinstance(clips, list) or not clips:
            faults.append(
                RowFault(f"{id}/{i}", InputError(place, "has no list of Clips", FIX_ACTION))
            )
            continue
        for number, clip in enumerate(clips):
            yield f"{id}/{i}/{number}", f"{place}.Clips[{number}]", action, clip


def _parse_clip(
    id: str,
    place: str,
    below: PurePosixPath,
    action: dict[str, Any],
    clip: Any,
    place_by_path: dict[PurePosixPath, str],
) -> FoulClip:
    url = _forward_slashes(clip.get("Url") if isinstance(clip, dict) else None)
    url_match = CLIP_URL.fullmatch(url)
    if not url_match:
        raise InputError(f"{place}.Url", f"{url!r} does not end in action_N/clip_N", FIX_ACTION)
    game = _forward_slashes(action.get("UrlLocal")).strip("/")
    if (
        not GAME_PATH.fullmatch(game)
        or not game.isprintable()
        or {".", ".."} & set(game.split("/"))
    ):
        raise InputError(f"{place}: UrlLocal", f"{game!r} is not a league/season/game", FIX_ACTION)
    path = below / url_match[1] / f"{url_match[2]}.mp4"
    first = place_by_path.setdefault(path, place)
    if first != place:
        raise InputError(place, f"is the clip of {first}", "remove one of the two")
    match, clip_name = f"{NAME}/{game}", path.with_suffix("").as_posix()
    return FoulClip(
        id=id, video=f"{match}/{clip_name}", match=match, place=place, path=path, action=action
    )


def _forward_slashes(path: Any) -> str:
    """The files write paths with backslashes."""
    return path.replace("\\", "/") if isinstance(path, str) else ""


def _class_question(clip: FoulClip, video: Video | None) -> Label:
    right = _challenge_class(clip)
    options = shuffle_options(f"{clip.id}/class", right, CLASSES.values())
    return _ready_question(clip, video, "class", "choice", "foul_class", options, right)


def _decision_question(clip: FoulClip, video: Video | None) -> Label:
    right = _referee_decision(clip)
    options = shuffle_options(f"{clip.id}/decision", right, [NO_OFFENCE, *CARDS.values()])
    return _ready_question(clip, video, "decision", "choice", "foul_decision", options, right)


def _foul_question(clip: FoulClip, video: Video | None) -> Label:
    answer = f"{_challenge_class(clip).capitalize()}: {_referee_decision(clip)}."
    return _ready_question(clip, video, "foul", "open", "foul", [], answer)


def _challenge_class(clip: FoulClip) -> str:
    action_class = clip.action.get("Action class")
    if not isinstance(action_class, str) or action_class not in CLASSES:
        wrong = f"its Action class {action_class!r} is none of {', '.join(CLASSES)}"
        raise InputError(clip.place, wrong, "leave the question out, or decide it")
    return CLASSES[action_class]


def _referee_decision(clip: FoulClip) -> str:
    offence, severity = clip.action.get("Offence"), clip.action.get("Severity")
    if isinstance(offence, str) and offence.casefold() == NO_OFFENCE:
        return NO_OFFENCE
    if offence != "Offence" or not isinstance(severity, str) or severity not in CARDS:
        wrong = f"Offence {offence!r} with Severity {severity!r} is not a decision"
        raise InputError(clip.place, wrong, "leave the question out, or decide it")
    return CARDS[severity]


def _ready_question(
    clip: FoulClip,
    video: Video | None,
    part: str,
    task: str,
    prompt: str,
    options: list[str],
    answer: str,
) -> Label:
    video = ready_questions.require_video(clip.place, video)
    return ready_questions.build_ready_question(
        f"{clip.id}/{part}", video, task, read_source_prompt(prompt), answer, options
    )


MVFOUL = Source(
    name=NAME,
    licence="SoccerNet's agreement",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("choice", "open"),
    parts=PARTS,
    settings=FolderSettings,
    download=download_mvfoul,
    videos=list_mvfoul_videos,
    labels=read_mvfoul_labels,
    speech=ready_questions.read_no_speech,
)
