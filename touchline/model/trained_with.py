"""How a model was trained to be talked to, saved beside it: who asks it later asks alike."""

import json
import shutil
from pathlib import Path

from pydantic import ConfigDict

from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.config import Params
from touchline.errors import BadInput

FILE = "touchline.json"


class Cut(Params):
    """Of the section `chunk`, what a clip and its frames look like; the rest is not of interest."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seconds: float
    stride: float
    rest: str
    fps: float
    height: int
    quality: int


class Asked(Params):
    """Of the section `ask`, what shapes the words of question and answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    interval: float  # seconds
    commentary: bool  # whether questions came with their clip's commentary


class Trained(Params):
    """The four things a later question must share with the ones it was trained on."""

    budget: Budget
    dialogue: Dialogue
    chunk: Cut
    ask: Asked


def save(folder: Path, trained: Trained) -> None:
    """Write `touchline.json` into a model folder."""
    text = json.dumps(trained.model_dump(), indent=1, sort_keys=True)
    (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def carry(start: Path, folder: Path) -> None:
    """Copy it from the model that a training started from; one without it has none to give."""
    if (start / FILE).is_file():
        shutil.copyfile(start / FILE, folder / FILE)


def read(folder: Path) -> Trained:
    """Raises `BadInput` where the folder does not say, or says what this version cannot read."""
    file = folder / FILE
    if not file.is_file():
        remedy = "train it again with this version, or write the file by hand"
        raise BadInput(file, "is missing: how the model was talked to is not known", remedy)
    try:
        return Trained.model_validate_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise BadInput(file, f"cannot be read ({first})", "train the model again") from None
