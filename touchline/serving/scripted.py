"""The scripted teacher as a chat backend; it finds the question by its id in the request's
`metadata`.
"""

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
from touchline.serving.openai_format import build_assistant_message, get_finish_reason
from touchline.serving.server import JsonBody, UnsupportedRequestError
from touchline.tasks.scene import build_clip_scene
from touchline.teacher.scripted import build_scripted_trajectory
from touchline.video.frame_store import FrameStore

LETTERS_PER_TOKEN = 4  # per token: nobody counts here
QUESTIONS_FILE = "data/questions/questions.parquet"


@dataclass(frozen=True)
class ScriptedRunData:
    """The data of one run, with the budget and dialogue of its params.yaml."""

    root: Path
    questions: Mapping[str, Question]
    clips: Mapping[str, Clip]
    labels: Mapping[str, list[Label]]
    store: FrameStore
    budget: FrameBudget
    dialogue: Dialogue

    def write_teacher_turns(self, question: Question) -> list[str]:
        """The scripted teacher's assistant turns for a question, the same as without a server."""
        clip = self.clips[question.clip]
        clip_scene = build_clip_scene(clip, self.labels.get(clip.video, []))
        clip_frames = load_clip_frames(self.store, clip, self.budget, self.dialogue)
        trajectory = build_scripted_trajectory(
            question, clip_scene, clip_frames, self.budget, self.dialogue
        )
        return extract_assistant_turns(json.loads(trajectory.messages))


class ScriptedBackend:
    """Answers from the scripted teacher. Looks up the question in the runs in progress below a
    checkout, then in the checkout itself.
    """

    name = "scripted"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data_by_file: dict[Path, tuple[int, ScriptedRunData]] = {}

    async def complete_chat(self, body: JsonBody) -> JsonBody:
        """The next assistant turn of the question. Raises `UnsupportedRequestError` if no data has
        the question.
        """
        question_id = (body.get("metadata") or {}).get("question", "")
        run_data = next((f for f in self._list_run_data() if question_id in f.questions), None)
        if run_data is None:
            raise UnsupportedRequestError(
                f"no data below {self.root} has a question {question_id!r}"
            )
        turns = run_data.write_teacher_turns(run_data.questions[question_id])
        turn_index = sum(message["role"] == "assistant" for message in body["messages"])
        turn = turns[min(turn_index, len(turns) - 1)]
        message = build_assistant_message(turn, body)
        prompt_tokens, completion_tokens = (
            len(str(body["messages"])) // LETTERS_PER_TOKEN,
            len(turn) // LETTERS_PER_TOKEN,
        )
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        return {
            "message": message,
            "finish_reason": get_finish_reason(message, False),
            "usage": usage,
        }

    def _list_run_data(self) -> list[ScriptedRunData]:
        runs = (self.root / ".touchline/runs").glob(f"*/{QUESTIONS_FILE}")
        files = [*sorted(runs, key=_read_modified_time, reverse=True), self.root / QUESTIONS_FILE]
        return [run_data for file in files if (run_data := self._load_if_changed(file)) is not None]

    def _load_if_changed(self, file: Path) -> ScriptedRunData | None:
        """The data of a questions file, reloaded if the file changed; None if it does not exist."""
        changed = _read_modified_time(file)
        if not changed:
            return None
        if file not in self.data_by_file or self.data_by_file[file][0] != changed:
            self.data_by_file[file] = (changed, _load_run_data(file.parents[2]))
        return self.data_by_file[file][1]


def _read_modified_time(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _load_run_data(root: Path) -> ScriptedRunData:
    tables: dict[str, Any] = {
        "questions": index_by_id(read_records(root / QUESTIONS_FILE, Question)),
        "clips": index_by_id(read_records(root / "data/clips/clips.parquet", Clip)),
        "labels": group_by_field(
            read_records(root / "data/manifest/labels.parquet", Label), "video"
        ),
    }
    budget = load_params_section(FrameBudget, "budget", root / "params.yaml")
    dialogue = load_params_section(Dialogue, "dialogue", root / "params.yaml")
    return ScriptedRunData(
        root, **tables, store=FrameStore(root / "data/frames"), budget=budget, dialogue=dialogue
    )
