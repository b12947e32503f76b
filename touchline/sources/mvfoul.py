"""The source `mvfoul`: SoccerNet-MVFoul's clips of fouls, with what a referee makes of them.

Held et al., "VARS" (CVPR workshops 2023): an `annotations.json` per split, several clips per foul.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from touchline.chat.prompts import words
from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import folder, ready_questions
from touchline.sources.folder import Folder
from touchline.sources.readers import load
from touchline.sources.ready_questions import shuffled
from touchline.sources.source import Fault, Found, Part, Reading, Source

NAME = "mvfoul"
HOME = "https://github.com/SoccerNet/sn-mvfoul"
ANNOTATIONS = ("**/annotations.json",)
CLIPS = ("**/action_*/clip_*.mp4",)
SECONDS = 5.0  # of a clip; measured on 14 of them: 5.04 to 5.09
URL = re.compile(r"(?:[^/]+/)*(action_\d{1,6})/(clip_\d{1,3})", re.ASCII)
GAME = re.compile(r"[^/]+/[^/]+/[^/]+")
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
NONE = "no offence"
CARDS = {  # the severities between them are undecided
    "1.0": "offence without a card",
    "3.0": "offence and yellow card",
    "5.0": "offence and red card",
}
MEND = "mend the action or remove it"
PARTS = (
    Part(
        "labels",
        ANNOTATIONS,
        "https://huggingface.co/datasets/SoccerNet/SN-MVFouls-2025",
        "Sign SoccerNet's agreement (https://www.soccer-net.org) and ask for access; the archive "
        "of each split holds its annotations.json.",
    ),
    Part(
        "videos",
        CLIPS,
        "https://huggingface.co/datasets/SoccerNet/SN-MVFouls-2025",
        "In the same archives, beside the annotations; they open with the password that SoccerNet "
        "sends to those who signed.",
    ),
)


@dataclass(frozen=True)
class Clip:
    """One clip of an action, checked; what the referee makes of it is not."""

    id: str
    video: str  # id
    match: str
    place: str
    path: PurePosixPath  # below the source's folder, whether the file is here or not
    action: dict[str, Any]


def download(settings: Folder, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Folder, own: Path) -> Reading[Found]:
    """Every clip that is listed, whether its file is here or not; a replay is a clip, too."""
    reading: Reading[Found] = Reading()
    clips = _clips(own)
    reading.faults += clips.faults
    for clip in clips.rows:
        path = Path(clip.path) if (own / clip.path).is_file() else None
        part = "/".join(clip.path.with_suffix("").parts[-2:])
        reading.rows.append(Found(clip.video, path, "soccer", clip.match, part, SECONDS))
    return reading


def labels(settings: Folder, own: Path, found: Sequence[Video]) -> Reading[Label]:
    """Per clip the questions of the kind of challenge and the decision, and both in one.

    What the annotators left open is a fault of that question alone.
    """
    known = {video.id: video for video in found}
    reading: Reading[Label] = Reading()
    for clip in _clips(own).rows:
        for part, make in (("class", _class), ("decision", _decision), ("foul", _foul)):
            reading.take(f"{clip.id}/{part}", make, clip, known.get(clip.video))
    return reading


def _clips(own: Path) -> Reading[Clip]:
    reading: Reading[Clip] = Reading()
    seen: dict[PurePosixPath, str] = {}
    for file in folder.matching(own, ANNOTATIONS):
        below = PurePosixPath(file.relative_to(own).parent)
        id = f"{NAME}/{below / file.name}"
        whole = Reading[Any]()
        whole.take(id, load, file, "Actions", dict)
        reading.faults += whole.faults
        for actions in whole.rows:
            for row, place, action, clip in _listed(id, file, actions, reading.faults):
                reading.take(row, _clip, row, place, below, action, clip, seen)
    return reading


def _listed(
    id: str, file: Path, actions: dict[str, Any], faults: list[Fault]
) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """(id, place, action, clip) of every clip; an action without a list of clips is a fault."""
    for i, (name, action) in enumerate(actions.items()):
        place = f"{file}: Actions[{name!r}]"
        clips = action.get("Clips") if isinstance(action, dict) else None
        if not isinstance(clips, list) or not clips:
            faults.append(Fault(f"{id}/{i}", BadInput(place, "has no list of Clips", MEND)))
            continue
        for number, clip in enumerate(clips):
            yield f"{id}/{i}/{number}", f"{place}.Clips[{number}]", action, clip


def _clip(
    id: str,
    place: str,
    below: PurePosixPath,
    action: dict[str, Any],
    clip: Any,
    seen: dict[PurePosixPath, str],
) -> Clip:
    url = _slashed(clip.get("Url") if isinstance(clip, dict) else None)
    found = URL.fullmatch(url)
    if not found:
        raise BadInput(f"{place}.Url", f"{url!r} does not end in action_N/clip_N", MEND)
    game = _slashed(action.get("UrlLocal")).strip("/")
    if not GAME.fullmatch(game) or not game.isprintable() or {".", ".."} & set(game.split("/")):
        raise BadInput(f"{place}: UrlLocal", f"{game!r} is no league/season/game", MEND)
    path = below / found[1] / f"{found[2]}.mp4"
    first = seen.setdefault(path, place)
    if first != place:
        raise BadInput(place, f"is the clip of {first}", "remove one of the two")
    match, own = f"{NAME}/{game}", path.with_suffix("").as_posix()
    return Clip(id, f"{match}/{own}", match, place, path, action)


def _slashed(path: Any) -> str:
    """The files write paths with backslashes."""
    return path.replace("\\", "/") if isinstance(path, str) else ""


def _class(clip: Clip, video: Video | None) -> Label:
    right = _challenge(clip)
    options = shuffled(f"{clip.id}/class", right, CLASSES.values())
    return _label(clip, video, "class", "choice", "foul_class", options, right)


def _decision(clip: Clip, video: Video | None) -> Label:
    right = _decided(clip)
    options = shuffled(f"{clip.id}/decision", right, [NONE, *CARDS.values()])
    return _label(clip, video, "decision", "choice", "foul_decision", options, right)


def _foul(clip: Clip, video: Video | None) -> Label:
    said = f"{_challenge(clip).capitalize()}: {_decided(clip)}."
    return _label(clip, video, "foul", "open", "foul", [], said)


def _challenge(clip: Clip) -> str:
    said = clip.action.get("Action class")
    if not isinstance(said, str) or said not in CLASSES:
        wrong = f"its Action class {said!r} is none of {', '.join(CLASSES)}"
        raise BadInput(clip.place, wrong, "leave the question out, or decide it")
    return CLASSES[said]


def _decided(clip: Clip) -> str:
    offence, severity = clip.action.get("Offence"), clip.action.get("Severity")
    if isinstance(offence, str) and offence.casefold() == NONE:
        return NONE
    if offence != "Offence" or not isinstance(severity, str) or severity not in CARDS:
        wrong = f"Offence {offence!r} with Severity {severity!r} is no decision"
        raise BadInput(clip.place, wrong, "leave the question out, or decide it")
    return CARDS[severity]


def _label(
    clip: Clip,
    video: Video | None,
    part: str,
    task: str,
    prompt: str,
    options: list[str],
    answer: str,
) -> Label:
    video = ready_questions.kept(clip.place, video)
    return ready_questions.question(
        f"{clip.id}/{part}", video, task, words(prompt), answer, options
    )


MVFOUL = Source(
    name=NAME,
    licence="SoccerNet's agreement",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("choice", "open"),
    parts=PARTS,
    settings=Folder,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)
