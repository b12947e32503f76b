"""Load the model that finds highlights: its folder, how it was trained to be prompted, and its
digest.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline.chat.tools.choose_frames import ClipFrames
from touchline.errors import InputError
from touchline.model.trained_with import TrainedWith, read_trained_with
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory

MODEL_FOLDERS = ("data/rl", "data/sft")  # of a checkout, the best first
ClipQuestions = Sequence[tuple[Question, ClipFrames]]
READ_BYTES = 2**20


@dataclass(frozen=True)
class HighlightModel:
    """A model that answers questions about clips. `answers` yields one trajectory per question, in
    order.
    """

    name: str
    digest: str
    trained: TrainedWith
    answers: Callable[[ClipQuestions], Iterator[Trajectory]]


def find_latest_model(root: Path) -> Path:
    """Folder of the checkout's own model: `data/rl` if present, else `data/sft`. Raises
    `InputError` if there is none.
    """
    for name in MODEL_FOLDERS:
        if (root / name).is_dir():
            return root / name
    raise InputError(
        "--model latest", "no model is here", "run `touchline retrain`, or name a folder"
    )


def open_highlight_model(
    folder: Path, batch: int, turn_tokens: int, dtype: str = "float32"
) -> HighlightModel:
    """Open a model folder. Weights are loaded only when the first question is asked. Raises
    `InputError` if there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"--model {folder}", "there is no such folder", "give a model's folder")
    trained = read_trained_with(folder)

    def answers(questions: ClipQuestions) -> Iterator[Trajectory]:
        from touchline.model.generate import ConversationGenerator
        from touchline.model.load import load_model_and_processor, seed_everything
        from touchline.tasks.trajectory import build_trajectory

        seed_everything(0, 1)
        net, processor = load_model_and_processor(folder, dtype)
        player_settings = trained.budget, turn_tokens, batch, trained.dialogue
        for attempt in ConversationGenerator(
            net.eval(), processor, *player_settings
        ).generate_conversations(questions):
            yield build_trajectory(
                folder.name, attempt.question, attempt.messages, attempt.viewing, trained.dialogue
            )

    return HighlightModel(folder.name, digest_highlight_model(folder), trained, answers)


def digest_highlight_model(folder: Path) -> str:
    """sha256 of the files that answers depend on: weights, configuration, tokenizer, chat template,
    `touchline.json`.
    """
    hasher = hashlib.sha256()
    kinds = ("*.safetensors", "*.json", "*.jinja", "*.txt")
    for path in sorted({path for kind in kinds for path in folder.glob(kind)}):
        hasher.update(f"{path.name}\n".encode())
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                hasher.update(chunk)
    return hasher.hexdigest()
