"""Messages of one conversation about a question: prompt, model turns, and the frames its calls
return, in the same words for teacher, SFT, RL and evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.prompts import read_prompt
from touchline.chat.tools.choose_frames import (
    TOOL_NAME,
    Blocks,
    ClipFrames,
    FrameBudget,
    ToolSession,
    choose_frames,
    parse_tool_call,
)
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import read_records
from touchline.video.frame_store import FrameStore

Messages = list[dict[str, Any]]
NO_FRAMES = "bring the videos themselves, or add a source that has them"
TOOLS: list[Any] = [choose_frames]  # a chat template makes the schema of its signature


def get_chat_tools(dialogue: Dialogue) -> list[Any] | None:
    """The tools to pass to the chat template, or None for a dialogue without thinking and tool
    calls.
    """
    return TOOLS if dialogue.thinks else None


def load_clip_frames(
    store: FrameStore, clip: Clip, budget: FrameBudget, dialogue: Dialogue = DEFAULT_DIALOGUE
) -> ClipFrames:
    """The stored frames of one clip: times in clip seconds, images fetched on demand at the
    budget's size. Empty if the clip has no frames.
    """
    times = store.times(clip.video) if clip.frames else np.empty(0)
    inside = times[(times >= clip.start - 1e-6) & (times < clip.end - 1e-6)]

    def fetch(clip_times: Sequence[float]) -> list:
        video_times = [clip.start + time for time in clip_times]
        return store.images(clip.video, video_times, size=(budget.width, budget.height))

    return ClipFrames(inside - clip.start, fetch, dialogue.clock_offset(clip))


def load_frames_by_clip(
    store: FrameStore, clips: Path, budget: FrameBudget, dialogue: Dialogue = DEFAULT_DIALOGUE
) -> dict[str, ClipFrames]:
    """{clip id: frames} for every clip in the folder `clips` (which holds clips.parquet) that has
    frames.
    """
    clips_with_frames = [
        clip for clip in read_records(clips / "clips.parquet", Clip) if clip.frames
    ]
    return {clip.id: load_clip_frames(store, clip, budget, dialogue) for clip in clips_with_frames}


def build_messages(
    question: Question,
    opening: Sequence[dict[str, Any]] = (),
    dialogue: Dialogue = DEFAULT_DIALOGUE,
    rules: str = "",
) -> Messages:
    """The messages that ask one question: a system message with the instructions, then a user
    message with `opening` (content blocks of the first frames) followed by the question.

    A dialogue that does not think (the spotting paper's format) gets one user message:
    instructions, frames, question. `rules` replaces the dialogue's instructions.
    """
    user_content = [*opening, _text_block(f"\n{question.text}")]
    rules = rules or read_prompt(dialogue.prompt_name("instructions"))
    if not dialogue.thinks:
        return [{"role": "user", "content": [_text_block(f"{rules}\n\n"), *user_content]}]
    return [
        {"role": "system", "content": [_text_block(rules)]},
        {"role": "user", "content": user_content},
    ]


def build_empty_prompt() -> Messages:
    """The prompt of an RL row before its question is known: instructions and an empty user message.
    TRL fills the latter from `ClipEnvironment.reset`.
    """
    rules = _text_block(read_prompt("instructions"))
    return [{"role": "system", "content": [rules]}, {"role": "user", "content": []}]


def _text_block(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def fetch_block_images(blocks: Blocks, reel: ClipFrames) -> Blocks:
    """Content blocks with each image block's `time` replaced by the fetched image."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    pictures = iter(reel.fetch(times)) if times else iter(())
    return [
        {"type": "image", "image": next(pictures)} if block["type"] == "image" else block
        for block in blocks
    ]


def fetch_message_images(messages: Messages, reel: ClipFrames) -> Messages:
    """Messages with all images fetched, ready for the chat template."""
    return [
        {**message, "content": fetch_block_images(message["content"], reel)} for message in messages
    ]


def extract_assistant_turns(messages: Messages) -> list[str]:
    """The text of each assistant turn."""
    return ["".join(b["text"] for b in m["content"]) for m in messages if m["role"] == "assistant"]


@dataclass
class Conversation:
    """One question in progress; `messages` name images by their time."""

    question: Question
    viewing: ToolSession
    dialogue: Dialogue = DEFAULT_DIALOGUE
    messages: Messages = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self._add(*build_messages(self.question, self.viewing.open(), self.dialogue))

    def add_model_turn(self, turn: str) -> None:
        """Append a model turn. A readable tool call is answered; anything else ends the
        conversation.
        """
        self._add({"role": "assistant", "content": [{"type": "text", "text": turn}]})
        call = parse_tool_call(turn) if self.dialogue.thinks else None
        self.done = call is None
        if call is not None:
            blocks = self.viewing.call(*call)
            self._add({"role": "tool", "name": TOOL_NAME, "content": blocks})

    def add_model_turns(self, turns: Sequence[str]) -> "Conversation":
        """Append the turns of a recorded conversation; returns self."""
        for turn in turns:
            self.add_model_turn(turn)
        return self

    def _add(self, *messages: dict[str, Any]) -> None:
        self.messages.extend(messages)
