"""Show a match to a model clip by clip, and keep what it saw and said for the next request."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from touchline.atomic import whole_file
from touchline.chat.commentary import align, commentary, overlapped
from touchline.chat.messages import reel
from touchline.errors import BadInput
from touchline.highlights.frame_index import Shown
from touchline.highlights.match import Part
from touchline.highlights.model import Model
from touchline.highlights.wish import Wish
from touchline.model.trained_with import Cut
from touchline.progress import Progress
from touchline.records import Clip, Question, Speech, Trajectory
from touchline.tasks.spotting import words
from touchline.video.frame_store import FrameStore, store_path
from touchline.video.windows import spans
from touchline.video.write_store import write_frames

PIECE = 2**20
TERMS = "open"  # the video is the asker's own; nothing of it leaves this machine


@dataclass(frozen=True)
class Film:
    """A file of the match with its frame store and the clips that are asked about."""

    shown: Shown
    sha256: str
    store: FrameStore
    clips: tuple[Clip, ...]


Answered = tuple[Film, Clip, Question, Trajectory]


def sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def film(
    shown: Shown, parts: Sequence[Part], wish: Wish, cut: Cut, stride: float, cache: Path
) -> Film:
    """The frames of a file, from the cache or decoded once, and its clips that meet the parts."""
    name = sha256(shown.path)
    folder = cache / "frames" / _key({"cut": cut.model_dump(include={"fps", "height", "quality"})})
    path = store_path(folder, name)
    if not path.is_file():
        with Progress("frames") as progress:
            write_frames(shown.path, path, cut.fps, cut.height, cut.quality, cut.seconds, TERMS)
            progress.to(1)
    store = FrameStore(folder)
    times = store.times(name)
    mine = [part for part in parts if part.shown.path == shown.path]
    found = []
    for start, end, overlaps in spans(
        shown.end, cut.seconds, min(stride, cut.seconds), 1 / cut.fps, cut.rest == "short"
    ):
        inside = int(((times >= start) & (times < end)).sum())
        if inside and any(start < part.end and end > part.start for part in mine):
            id = f"{name}@{start:g}-{end:g}"
            kind = ("own", wish.sport, name, "", TERMS)
            found.append(Clip(id, name, *kind, start, end, inside, overlaps))
    return Film(shown, name, store, tuple(found))


def question(
    clip: Clip, action: str, model: Model, heard: Mapping[str, Sequence[Speech]]
) -> Question:
    """One action of one clip, worded as in training."""
    how = model.trained.dialogue
    lines = [
        align(line, clip, how.cut) for line in heard.get(clip.video, ()) if overlapped(line, [clip])
    ]
    text = commentary(lines, how, clip) + words(action, clip.sport, clip.end - clip.start, how)
    place = (clip.id, clip.video, clip.source, clip.sport, clip.match)
    return Question(f"{clip.id}?{action}", *place, "", "spotting", action, text, [], "", [])


def answered(
    films: Sequence[Film],
    wish: Wish,
    model: Model,
    heard: Mapping[str, Sequence[Speech]],
    cache: Path,
) -> Iterator[Answered]:
    """Every clip's answer to every action; what was asked before comes from the cache.

    An answer is kept as soon as it is given: a request that was stopped goes on there.
    """
    every = [
        (one, clip, question(clip, action, model, heard))
        for one in films
        for clip in one.clips
        for action in wish.actions
    ]
    files = [cache / "answers" / f"{_key(_seen(q, model))}.json" for _, _, q in every]
    new = [at for at, file in enumerate(files) if _kept(file) is None]
    how = model.trained
    games = [
        (every[at][2], reel(every[at][0].store, every[at][1], how.budget, how.dialogue))
        for at in new
    ]
    with Progress("ask", len(every)) as progress:
        progress.start_at(len(every) - len(new))
        answers = model.answers(games) if games else iter(())
        for at, answer in zip(new, answers, strict=True):
            with whole_file(files[at]) as draft:
                draft.write_text(json.dumps(asdict(answer), ensure_ascii=False), encoding="utf-8")
            progress.step()
    for (one, clip, asked), file in zip(every, files, strict=True):
        answer = _kept(file)
        if answer is None:
            raise BadInput(file, "an answer vanished while it was needed", "ask again")
        yield one, clip, asked, answer


def _seen(question: Question, model: Model) -> dict:
    """All that an answer depends on; the clip's id holds the digest of the file."""
    given = {"model": model.digest, "clip": question.clip, "text": question.text}
    return given | {"trained": model.trained.model_dump()}


def _kept(file: Path) -> Trajectory | None:
    try:  # what a cache holds may be of another version: then it is asked again
        return Trajectory(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _key(given: dict) -> str:
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:32]
