"""Ask a model about a match clip by clip. Frames and answers are cached for the next request."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from touchline.atomic import atomic_file
from touchline.chat.commentary import align_to_clip, find_overlapping_clips, format_commentary
from touchline.chat.messages import load_clip_frames
from touchline.errors import InputError
from touchline.highlights.frame_index import FrameIndex
from touchline.highlights.match import MatchPart
from touchline.highlights.model import HighlightModel
from touchline.highlights.wish import ReelQuery
from touchline.model.trained_with import ClipShape
from touchline.progress import ProgressReporter
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.speech import Speech
from touchline.records.trajectory import Trajectory
from touchline.tasks.spotting import SPOTTING, format_spotting_question
from touchline.video.frame_store import FrameStore, get_frame_store_path
from touchline.video.windows import plan_clip_windows
from touchline.video.write_store import write_frame_store

READ_BYTES = 2**20
OWN_VIDEO_TERMS = "open"  # the video is the asker's own; nothing of it leaves this machine


@dataclass(frozen=True)
class MatchFile:
    """A video file of the match with its frame store and the clips to ask about."""

    frame_index: FrameIndex
    sha256: str
    store: FrameStore
    clips: tuple[Clip, ...]


ClipAnswer = tuple[MatchFile, Clip, Question, Trajectory]


def digest_video_file(path: Path) -> str:
    """Hex sha256 of a video file's content."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def prepare_match_file(
    shown: FrameIndex,
    parts: Sequence[MatchPart],
    wish: ReelQuery,
    cut: ClipShape,
    stride: float,
    cache: Path,
) -> MatchFile:
    """Decode a file's frames into the cache, unless they are there, and list the clips that overlap
    the requested parts.
    """
    name = digest_video_file(shown.path)
    folder = (
        cache
        / "frames"
        / _digest_fields({"cut": cut.model_dump(include={"fps", "height", "quality"})})
    )
    path = get_frame_store_path(folder, name)
    if not path.is_file():
        with ProgressReporter("frames") as progress:
            write_frame_store(
                shown.path, path, cut.fps, cut.height, cut.quality, cut.seconds, OWN_VIDEO_TERMS
            )
            progress.advance_to(1)
    store = FrameStore(folder)
    times = store.times(name)
    file_parts = [part for part in parts if part.frame_index.path == shown.path]
    clips = []
    for start, end, overlaps in plan_clip_windows(
        shown.end, cut.seconds, min(stride, cut.seconds), 1 / cut.fps, cut.rest == "short"
    ):
        inside = int(((times >= start) & (times < end)).sum())
        if inside and any(start < part.end and end > part.start for part in file_parts):
            id = f"{name}@{start:g}-{end:g}"
            clip = Clip(
                id=id,
                video=name,
                source="own",
                sport=wish.sport,
                match=name,
                licence="",
                terms=OWN_VIDEO_TERMS,
                start=start,
                end=end,
                frames=inside,
                overlaps=overlaps,
            )
            clips.append(clip)
    return MatchFile(shown, name, store, tuple(clips))


def build_spotting_question(
    clip: Clip, action: str, model: HighlightModel, speech_by_video: Mapping[str, Sequence[Speech]]
) -> Question:
    """Build the spotting question for one action in one clip, worded as in training.
    `speech_by_video`: commentary lines by the video's sha256.
    """
    dialogue = model.trained.dialogue
    lines = [
        align_to_clip(line, clip, dialogue.cut)
        for line in speech_by_video.get(clip.video, ())
        if find_overlapping_clips(line, [clip])
    ]
    text = format_commentary(lines, dialogue, clip) + format_spotting_question(
        action, clip.sport, clip.end - clip.start, dialogue
    )
    return Question(
        id=f"{clip.id}?{action}",
        clip=clip.id,
        video=clip.video,
        source=clip.source,
        sport=clip.sport,
        match=clip.match,
        split="",
        task=SPOTTING.name,
        action=action,
        text=text,
        options=[],
        truth="",
        evidence=[],
    )


def answer_match_clips(
    films: Sequence[MatchFile],
    wish: ReelQuery,
    model: HighlightModel,
    speech_by_video: Mapping[str, Sequence[Speech]],
    cache: Path,
) -> Iterator[ClipAnswer]:
    """Yield (file, clip, question, answer) for every clip and action; cached answers are not asked
    again.

    Each new answer is cached as soon as it arrives, so an interrupted request resumes where it
    stopped.
    """
    clip_questions = [
        (match_file, clip, build_spotting_question(clip, action, model, speech_by_video))
        for match_file in films
        for clip in match_file.clips
        for action in wish.actions
    ]
    files = [
        cache / "answers" / f"{_digest_fields(_answer_cache_fields(q, model))}.json"
        for _, _, q in clip_questions
    ]
    new = [at for at, file in enumerate(files) if _read_cached_answer(file) is None]
    trained = model.trained
    new_questions = [
        (
            clip_questions[at][2],
            load_clip_frames(
                clip_questions[at][0].store, clip_questions[at][1], trained.budget, trained.dialogue
            ),
        )
        for at in new
    ]
    with ProgressReporter("ask", len(clip_questions)) as progress:
        progress.start_at(len(clip_questions) - len(new))
        answers = model.answers(new_questions) if new_questions else iter(())
        for at, answer in zip(new, answers, strict=True):
            with atomic_file(files[at]) as draft:
                draft.write_text(json.dumps(asdict(answer), ensure_ascii=False), encoding="utf-8")
            progress.step()
    for (match_file, clip, clip_question), file in zip(clip_questions, files, strict=True):
        answer = _read_cached_answer(file)
        if answer is None:
            raise InputError(file, "an answer vanished while it was needed", "ask again")
        yield match_file, clip, clip_question, answer


def _answer_cache_fields(question: Question, model: HighlightModel) -> dict:
    """All that an answer depends on; the clip's id holds the digest of the file."""
    fields = {"model": model.digest, "clip": question.clip, "text": question.text}
    return fields | {"trained": model.trained.model_dump()}


def _read_cached_answer(file: Path) -> Trajectory | None:
    try:  # what a cache holds may be of another version: then it is asked again
        return Trajectory(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _digest_fields(fields: dict) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]
