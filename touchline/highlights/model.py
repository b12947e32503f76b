"""The model that is asked: where it lies, how it was trained to be talked to, and its digest."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline.chat.tools.choose_frames import Reel
from touchline.errors import BadInput
from touchline.model.trained_with import Trained, read
from touchline.records import Question, Trajectory

LATEST = ("data/rl", "data/sft")  # of a checkout, the best first
Games = Sequence[tuple[Question, Reel]]
PIECE = 2**20


@dataclass(frozen=True)
class Model:
    """Anything that answers questions about clips in the order given."""

    name: str
    digest: str
    trained: Trained
    answers: Callable[[Games], Iterator[Trajectory]]


def latest(root: Path) -> Path:
    """The checkout's own model, after RL if there is one."""
    for name in LATEST:
        if (root / name).is_dir():
            return root / name
    raise BadInput(
        "--model latest", "no model is here", "run `touchline retrain`, or name a folder"
    )


def opened(folder: Path, batch: int, turn_tokens: int, dtype: str = "float32") -> Model:
    """A model of a folder; its weights are loaded when the first question is asked."""
    if not folder.is_dir():
        raise BadInput(f"--model {folder}", "there is no such folder", "give a model's folder")
    trained = read(folder)

    def answers(games: Games) -> Iterator[Trajectory]:
        from touchline.chat.messages import judged
        from touchline.model.generate import Player
        from touchline.model.load import load, settle

        settle(0, 1)
        net, processor = load(folder, dtype)
        how = trained.budget, turn_tokens, batch, trained.dialogue
        for one in Player(net.eval(), processor, *how).play(games):
            yield judged(folder.name, one.question, one.messages, one.viewing, trained.dialogue)

    return Model(folder.name, digest(folder), trained, answers)


def digest(folder: Path) -> str:
    """sha256 over what answers depend on: weights, configuration, tokenizer, `touchline.json`."""
    found = hashlib.sha256()
    kinds = ("*.safetensors", "*.json", "*.jinja", "*.txt")
    for path in sorted({path for kind in kinds for path in folder.glob(kind)}):
        found.update(f"{path.name}\n".encode())
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    return found.hexdigest()
