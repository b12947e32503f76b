"""Save with a model how it was trained to be asked (touchline.json), so that it is asked the same
way later.
"""

import json
import shutil
from pathlib import Path

from pydantic import ConfigDict

from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import Params
from touchline.errors import InputError

TRAINED_WITH_FILE = "touchline.json"


class ClipShape(Params):
    """The settings of section `chunk` that decide what a clip and its frames look like; others are
    ignored.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    seconds: float
    stride: float
    rest: str
    fps: float
    height: int
    quality: int


class QuestionShape(Params):
    """The settings of section `ask` that decide the wording of question and answer; others are
    ignored.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    interval: float  # seconds
    commentary: bool  # whether questions came with their clip's commentary


class TrainedWith(Params):
    """The settings that later questions must share with the training questions."""

    budget: FrameBudget
    dialogue: Dialogue
    chunk: ClipShape
    ask: QuestionShape


def write_trained_with(folder: Path, trained: TrainedWith) -> None:
    """Write `touchline.json` into a model folder."""
    text = json.dumps(trained.model_dump(), indent=1, sort_keys=True)
    (folder / TRAINED_WITH_FILE).write_text(f"{text}\n", encoding="utf-8")


def copy_trained_with(start: Path, folder: Path) -> None:
    """Copy touchline.json from the start model's folder, if it has one."""
    if (start / TRAINED_WITH_FILE).is_file():
        shutil.copyfile(start / TRAINED_WITH_FILE, folder / TRAINED_WITH_FILE)


def read_trained_with(folder: Path) -> TrainedWith:
    """Read touchline.json from a model folder. Raises `InputError` if it is missing or
    unreadable.
    """
    file = folder / TRAINED_WITH_FILE
    if not file.is_file():
        remedy = "train it again with this version, or write the file by hand"
        raise InputError(file, "is missing: how the model was talked to is not known", remedy)
    try:
        return TrainedWith.model_validate_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise InputError(file, f"cannot be read ({first})", "train the model again") from None
