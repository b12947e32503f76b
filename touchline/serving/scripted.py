"""The scripted teacher behind the API: it knows the truth by the question's id in `metadata`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import extract_assistant_turns, load_clip_frames
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import group_by_field, index_by_id, read_records
from touchline.serving.openai_format import finish, theirs
from touchline.serving.server import Body, Unfit
from touchline.tasks.scene import build_clip_scene
from touchline.teacher.scripted import build_scripted_trajectory
from touchline.video.frame_store import FrameStore

LETTERS = 4  # per token: nobody counts here
QUESTIONS = "data/questions/questions.parquet"


@dataclass(frozen=True)
class Folder:
    """The data of one run, with the budget and dialogue of its params.yaml."""

    root: Path
    questions: Mapping[str, Question]
    clips: Mapping[str, Clip]
    labels: Mapping[str, list[Label]]
    store: FrameStore
    budget: FrameBudget
    dialogue: Dialogue

    def turns(self, question: Question) -> list[str]:
        """The teacher's turns, the same as it says them without a server."""
        clip = self.clips[question.clip]
        view = build_clip_scene(clip, self.labels.get(clip.video, []))
        shown = load_clip_frames(self.store, clip, self.budget, self.dialogue)
        taught = build_scripted_trajectory(question, view, shown, self.budget, self.dialogue)
        return extract_assistant_turns(json.loads(taught.messages))


class Truth:
    """Looks a question up in the runs under way below a checkout, then in the checkout itself."""

    name = "scripted"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read: dict[Path, tuple[int, Folder]] = {}

    async def answer(self, body: Body) -> Body:
        named = (body.get("metadata") or {}).get("question", "")
        folder = next((f for f in self._folders() if named in f.questions), None)
        if folder is None:
            raise Unfit(f"no data below {self.root} has a question {named!r}")
        turns = folder.turns(folder.questions[named])
        said = sum(message["role"] == "assistant" for message in body["messages"])
        turn = turns[min(said, len(turns) - 1)]
        message = theirs(turn, body)
        seen, wrote = len(str(body["messages"])) // LETTERS, len(turn) // LETTERS
        usage = {"prompt_tokens": seen, "completion_tokens": wrote, "total_tokens": seen + wrote}
        return {"message": message, "finish_reason": finish(message, False), "usage": usage}

    def _folders(self) -> list[Folder]:
        runs = (self.root / ".touchline/runs").glob(f"*/{QUESTIONS}")
        files = [*sorted(runs, key=_changed, reverse=True), self.root / QUESTIONS]
        return [found for file in files if (found := self._folder(file)) is not None]

    def _folder(self, file: Path) -> Folder | None:
        """Read again when a run has made it anew; None while it is not there."""
        changed = _changed(file)
        if not changed:
            return None
        if file not in self.read or self.read[file][0] != changed:
            self.read[file] = (changed, _opened(file.parents[2]))
        return self.read[file][1]


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _opened(root: Path) -> Folder:
    known: dict[str, Any] = {
        "questions": index_by_id(read_records(root / QUESTIONS, Question)),
        "clips": index_by_id(read_records(root / "data/clips/clips.parquet", Clip)),
        "labels": group_by_field(
            read_records(root / "data/manifest/labels.parquet", Label), "video"
        ),
    }
    budget = load_params_section(FrameBudget, "budget", root / "params.yaml")
    dialogue = load_params_section(Dialogue, "dialogue", root / "params.yaml")
    return Folder(
        root, **known, store=FrameStore(root / "data/frames"), budget=budget, dialogue=dialogue
    )
