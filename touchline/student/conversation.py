"""Messages of one attempt: the same words and blocks for teacher, SFT, RL and evaluation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from touchline.prompts import words
from touchline.records import Clip, Question, Trajectory, read
from touchline.tasks import TASKS
from touchline.tools.choose_frames import Blocks, Budget, Reel, Viewing, choose_frames
from touchline.tools.turns import answer, well_formed
from touchline.video.store import FrameStore

Messages = list[dict[str, Any]]
TOOLS: list[Any] = [choose_frames]  # a chat template makes the schema of its signature


def reel(store: FrameStore, clip: Clip, budget: Budget) -> Reel:
    """The stored frames of a clip, in clip seconds, at the budget's size."""
    times = store.times(clip.video)
    inside = times[(times >= clip.start - 1e-6) & (times < clip.end - 1e-6)]

    def fetch(wanted: Sequence[float]) -> list:
        at = [clip.start + time for time in wanted]
        return store.images(clip.video, at, size=(budget.width, budget.height))

    return Reel(inside - clip.start, fetch)


def reels(store: FrameStore, clips: Path, budget: Budget) -> dict[str, Reel]:
    """The frames of every clip of a clips product, by clip id."""
    return {clip.id: reel(store, clip, budget) for clip in read(clips / "clips.parquet", Clip)}


def asked(question: Question, opening: Blocks = ()) -> Messages:  # type: ignore[assignment]
    """System and user message; the question stands behind the first frames, near its answer."""
    said = {"type": "text", "text": f"\n{question.text}"}
    return [*_instructed(), {"role": "user", "content": [*opening, said]}]


def unasked() -> Messages:
    """The prompt before an attempt: TRL's environment says the user's turn when it is reset."""
    return [*_instructed(), {"role": "user", "content": []}]


def _instructed() -> Messages:
    return [{"role": "system", "content": [{"type": "text", "text": words("instructions")}]}]


def pictured(blocks: Blocks, reel: Reel) -> Blocks:
    """The blocks with each named picture fetched."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    pictures = iter(reel.fetch(times)) if times else iter(())
    return [
        {"type": "image", "image": next(pictures)} if block["type"] == "image" else block
        for block in blocks
    ]


def with_pictures(messages: Messages, reel: Reel) -> Messages:
    """The messages with every named picture fetched, ready for the chat template."""
    return [{**message, "content": pictured(message["content"], reel)} for message in messages]


def assistant_turns(messages: Messages) -> list[str]:
    """The text of each assistant turn."""
    return ["".join(b["text"] for b in m["content"]) for m in messages if m["role"] == "assistant"]


def judged(author: str, question: Question, messages: Messages, viewing: Viewing) -> Trajectory:
    """A finished attempt as a row, judged by the question's own task."""
    turns = assistant_turns(messages)
    said = answer(turns[-1]) if turns else ""
    return Trajectory(
        id=f"{author}:{question.id}",
        question=question.id,
        author=author,
        split=question.split,
        sport=question.sport,
        task=question.task,
        match=question.match,
        messages=json.dumps(messages, ensure_ascii=False),
        answer=said,
        score=TASKS[question.task].score(said, question.truth),
        valid=well_formed(turns) and not viewing.faults,
        windows=[time for window in viewing.windows for time in window],
        frames=len(viewing.seen),
    )
