"""Messages of one attempt: the same words and blocks for teacher, SFT, RL and evaluation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.chat.prompts import words
from touchline.chat.tools.choose_frames import (
    NAME,
    Blocks,
    Budget,
    Reel,
    Viewing,
    choose_frames,
    read_call,
)
from touchline.chat.turns import answer, bare, well_formed
from touchline.records import Clip, Question, Trajectory, read
from touchline.tasks import TASKS
from touchline.video.frame_store import FrameStore

Messages = list[dict[str, Any]]
NO_FRAMES = "bring the videos themselves, or add a source that has them"
TOOLS: list[Any] = [choose_frames]  # a chat template makes the schema of its signature


def tools(dialogue: Dialogue) -> list[Any] | None:
    """The tools that a chat template tells the model of."""
    return TOOLS if dialogue.thinks else None


def reel(store: FrameStore, clip: Clip, budget: Budget, dialogue: Dialogue = PLAIN) -> Reel:
    """The stored frames of a clip, in clip seconds, at the budget's size; none if not here."""
    times = store.times(clip.video) if clip.frames else np.empty(0)
    inside = times[(times >= clip.start - 1e-6) & (times < clip.end - 1e-6)]

    def fetch(wanted: Sequence[float]) -> list:
        at = [clip.start + time for time in wanted]
        return store.images(clip.video, at, size=(budget.width, budget.height))

    return Reel(inside - clip.start, fetch, dialogue.zero(clip))


def reels(
    store: FrameStore, clips: Path, budget: Budget, dialogue: Dialogue = PLAIN
) -> dict[str, Reel]:
    """The frames of every clip of a clips product that has any, by clip id."""
    every = [clip for clip in read(clips / "clips.parquet", Clip) if clip.frames]
    return {clip.id: reel(store, clip, budget, dialogue) for clip in every}


def asked(
    question: Question,
    opening: Sequence[dict[str, Any]] = (),
    dialogue: Dialogue = PLAIN,
    rules: str = "",
) -> Messages:
    """System and user message; the question stands behind the first frames, near its answer.

    In the manner of the spotting paper there is one message: instructions, frames, question.
    `rules` are other instructions than the dialogue's.
    """
    said = [*opening, _text(f"\n{question.text}")]
    rules = rules or words(dialogue.prompt("instructions"))
    if not dialogue.thinks:
        return [{"role": "user", "content": [_text(f"{rules}\n\n"), *said]}]
    return [{"role": "system", "content": [_text(rules)]}, {"role": "user", "content": said}]


def unasked() -> Messages:
    """The prompt before an attempt: TRL's environment says the user's turn when it is reset."""
    rules = _text(words("instructions"))
    return [{"role": "system", "content": [rules]}, {"role": "user", "content": []}]


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


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


def judged(
    author: str,
    question: Question,
    messages: Messages,
    viewing: Viewing,
    dialogue: Dialogue = PLAIN,
) -> Trajectory:
    """A finished attempt as a row, judged by the question's own task."""
    turns = assistant_turns(messages)
    read, fine = (answer, well_formed) if dialogue.thinks else (str.strip, bare)
    said = read(turns[-1]) if turns else ""
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
        valid=fine(turns) and not viewing.faults,
        windows=[time for window in viewing.windows for time in window],
        frames=len(viewing.seen),
    )


@dataclass
class Talk:
    """One question in progress; `messages` name pictures by time."""

    question: Question
    viewing: Viewing
    dialogue: Dialogue = PLAIN
    messages: Messages = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self._add(*asked(self.question, self.viewing.open(), self.dialogue))

    def hear(self, turn: str) -> None:
        """Take the model's turn; a call that can be read is answered, anything else ends it."""
        self._add({"role": "assistant", "content": [{"type": "text", "text": turn}]})
        call = read_call(turn) if self.dialogue.thinks else None
        self.done = call is None
        if call is not None:
            blocks = self.viewing.call(*call)
            self._add({"role": "tool", "name": NAME, "content": blocks})

    def replay(self, turns: Sequence[str]) -> "Talk":
        """Hear the turns that an earlier attempt was made of."""
        for turn in turns:
            self.hear(turn)
        return self

    def _add(self, *messages: dict[str, Any]) -> None:
        self.messages.extend(messages)
