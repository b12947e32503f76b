"""Tables of a small world as stages write them: two matches of two halves, and all made of them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from touchline import licence
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.speech import Speech
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.records.video import Video
from touchline.sources.source import SourceVideo

MATCHES = ("world/a", "world/b")
NAMES = ("videos", "manifest", "health", "frames", "clips", "captions", "questions")
ALL = (*NAMES, "trajectories", "accepted", "base", "sft", "rl", "answers", "report")
MAKERS = {"videos": "download", "manifest": "download", "health": "download"}
MAKERS |= {"frames": "chunk", "clips": "chunk", "captions": "caption", "questions": "ask"}
MAKERS |= {"trajectories": "distill", "accepted": "validate", "base": "sft", "sft": "sft"}
MAKERS |= {"rl": "rl", "answers": "evaluate", "report": "report"}
SPLITS = {"world/a": "train", "world/b": "test"}


def products(root: Path, matches: tuple[str, ...] = MATCHES, salt: str = "") -> dict[str, Path]:
    """Every product of a run with these matches: name -> folder. `world/a` trains, `b` tests."""
    made = {name: root / name for name in ALL}
    videos = [_video(match, part) for match in matches for part in ("1", "2")]
    clips = [_clip(video) for video in videos]
    asked = [_question(clip) for clip in clips]
    learnt = [question for question in asked if question.split == "train"]
    _raw(made, videos)
    write_records(made["clips"] / "clips.parquet", Clip, clips)
    write_records(
        made["captions"] / "captions.parquet", Caption, [_caption(clip) for clip in clips]
    )
    write_records(made["questions"] / "questions.parquet", Question, asked)
    for name in ("trajectories", "accepted"):
        rows = [_attempt("teacher.scripted", question) for question in learnt]
        write_records(made[name] / "trajectories.parquet", Trajectory, rows)
    for name in ("base", "sft", "rl"):
        made[name].mkdir(parents=True, exist_ok=True)
        (made[name] / "model.safetensors").write_text(f"weights {name} {len(learnt)} {salt}")
    rows = [_rollout(question) for question in learnt]
    write_records(made["rl"] / "rollouts.parquet", Rollout, rows)
    test = [question for question in asked if question.split == "test"]
    answers = [_attempt(author, q) for author in ("sft", "rl") for q in test]
    write_records(made["answers"] / "answers.parquet", Trajectory, answers)
    (made["report"]).mkdir(parents=True, exist_ok=True)
    (made["report"] / "report.html").write_text(f"<p>{[a.id for a in answers]}</p>")
    held = {"world": ("CC0-1.0", "open")}
    for name, folder in made.items():
        licence.write_product_terms(folder, held if name != "videos" else {})
    return made


def _raw(made: dict[str, Path], videos: list[Video]) -> None:
    for video in videos:
        file, said = made["videos"] / video.path, f"the bytes of {video.id} in videos"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{said} {number} " for number in range(40)))
        file.with_name("labels.json").write_text(f"of {video.match}")
        store = made["frames"] / f"{video.id}.parquet"
        store.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"jpeg": [f"a picture of {video.id}".encode()]}), store)
    (made["videos"] / "world" / "classes.json").write_text("of every match")
    manifest = made["manifest"]
    write_records(manifest / "videos.parquet", Video, videos)
    write_records(manifest / "labels.parquet", Label, [_label(video) for video in videos])
    write_records(manifest / "speech.parquet", Speech, [_speech(video) for video in videos])
    made["health"].mkdir(parents=True, exist_ok=True)
    (made["health"] / "world.html").write_text("<p>rows of all</p>")


def _video(match: str, part: str) -> Video:
    return Video(
        f"{match}/{part}", "world", "soccer", match, part, f"{match}/{part}.mkv",
        (match[-1] + part) * 32, 9, "CC0-1.0", "open", "h264", 64, 32, 25.0, 1500, 60.0, 0.0, 0.04,
        False, [0.0],
    )  # fmt: skip


def _label(video: Video) -> Label:
    return Label(f"{video.id}/l0", video.id, "Goal", 3.0, 3.0, "home", "", "", [], "")


def _speech(video: Video) -> Speech:
    return Speech(f"{video.id}/s0", video.id, 1.0, 2.0, f"they say of {video.id}", "asr")


def _clip(video: Video) -> Clip:
    return Clip(
        f"{video.id}@0-60", video.id, "world", "soccer", video.match, "CC0-1.0", "open", 0.0, 60.0,
        60, False,
    )  # fmt: skip


def _caption(clip: Clip) -> Caption:
    return Caption(f"{clip.id}#0", clip.id, 1.0, 2.0, f"they say of {clip.id}", "asr")


def _question(clip: Clip) -> Question:
    return Question(
        f"{clip.id}?0-spotting", clip.id, clip.video, "world", "soccer", clip.match,
        SPLITS.get(clip.match, "train"), "spotting", "goal", "When is the goal?", [], "3", [],
    )  # fmt: skip


def _attempt(author: str, question: Question) -> Trajectory:
    return Trajectory(
        f"{author}:{question.id}", question.id, author, question.split, "soccer", "spotting",
        question.match, json.dumps([{"role": "assistant", "content": []}]), "3", 1.0, True, [], 8,
    )  # fmt: skip


def _rollout(question: Question) -> Rollout:
    attempt = _attempt("rl.rollout", question)
    return Rollout(**vars(attempt), step=0, group=0, tokens=[], shown=[], ending="answered",
                   direct=False, parts="{}", earned=1.0, paid=1.0)  # fmt: skip


def found(video: Video) -> SourceVideo:
    """As a source lists it."""
    path = Path(video.path).relative_to("world")
    return SourceVideo(video.id, path, "soccer", video.match, video.part)
