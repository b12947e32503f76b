"""A model of a folder is asked for real: an untrained one finds nothing, and says so honestly."""

import json
from pathlib import Path

import pytest

from tests.highlights.conftest import steady, write_film
from tests.highlights.test_make import PARAMS, trained
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.highlights.make import HighlightSettings, make_reel
from touchline.highlights.model import (
    digest_highlight_model,
    find_latest_model,
    open_highlight_model,
)
from touchline.model.load import seed_everything
from touchline.model.params import StudentParams
from touchline.model.tiny import build_tiny_model
from touchline.model.trained_with import write_trained_with


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seed_everything(1, 1)
    place = tmp_path_factory.mktemp("model")
    build_tiny_model(
        load_params_section(StudentParams, "student", PARAMS).tiny,
        ["Find every goal."],
        [" goal"],
        place,
    )
    write_trained_with(place, trained())
    return place


def test_a_folder_is_asked_about_every_clip_and_its_own_words_are_kept(
    folder: Path, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.mkv", steady(500), sound=False)
    given = load_params_section(HighlightSettings, "highlights", PARAMS)
    model = open_highlight_model(folder, batch=4, turn_tokens=4)
    made = make_reel([film], "goals", model, given, tmp_path / "reel.mp4", tmp_path / "cache")
    said = json.loads(made.json.read_text())
    assert said["model"]["sha256"] == digest_highlight_model(folder)
    assert len(said["answers"]) == 1 and made.reel is None


def test_another_weight_or_word_of_the_tokenizer_is_another_model(folder: Path) -> None:
    before = digest_highlight_model(folder)
    note = folder / "touchline.json"
    text = note.read_text()
    note.write_text(text + " ")
    changed = digest_highlight_model(folder)
    note.write_text(text)
    assert changed != before == digest_highlight_model(folder)


def test_a_model_that_does_not_say_how_it_was_talked_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"touchline.json: is missing"):
        open_highlight_model(tmp_path, 4, 4)
    with pytest.raises(InputError, match="no model is here"):
        find_latest_model(tmp_path)
