"""One place for raw data, the same in all settings and texts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from touchline.errors import InputError
from touchline.raw_data import resolve_raw_path
from touchline.sources import SOURCES

ROOT = Path(__file__).parents[1]
GAMES = {"splits": "", "names": {}, "half_minutes": [45, 60], "fetch": [], "connections": 1}
MORE_SETTINGS = {
    "local": {"sport": "soccer", "licence": "mine", "terms": "open", "known": ""},
    "soccernet": {**GAMES, "echoes": "", "transcripts": [], "spoken_halves": 0},
    "soccernet-captions": GAMES,
    "finediving": {"fps": 25},
    "repcount": {"fps": 30},
    "sportu": {"seconds": 8.0},
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOUCHLINE_RAW", raising=False)
    monkeypatch.delenv("TOUCHLINE_ROOT", raising=False)


def test_a_folder_is_below_the_raw_data_of_the_checkout_or_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve_raw_path("films", tmp_path) == tmp_path / "data/raw/films"
    monkeypatch.setenv("TOUCHLINE_ROOT", "/checkout")
    assert resolve_raw_path("films") == Path("/checkout/data/raw/films")
    monkeypatch.setenv("TOUCHLINE_RAW", "../disk")
    assert resolve_raw_path("films") == Path("/checkout/../disk/films")
    monkeypatch.setenv("TOUCHLINE_RAW", "/disk")
    assert resolve_raw_path("films") == Path("/disk/films")
    assert resolve_raw_path("/elsewhere/films") == Path("/elsewhere/films")


@pytest.mark.parametrize(
    "name", [name for name, one in SOURCES.items() if "folder" in one.settings.model_fields]
)
def test_a_missing_folder_is_a_sentence_that_names_the_variable(name: str, tmp_path: Path) -> None:
    source = SOURCES[name]
    settings = source.settings.model_validate({"folder": "nowhere", **MORE_SETTINGS.get(name, {})})
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(InputError, match=r"nowhere: is missing; .*TOUCHLINE_RAW") as fault,
    ):
        source.download(settings, tmp_path / "videos", executor)
    assert f"download.sources.{name}.folder" in str(fault.value)


def test_no_setting_or_page_names_a_folder_beside_the_checkout() -> None:
    files = [ROOT / "params.yaml", ROOT / "README.md"]
    files += [*(ROOT / "presets").rglob("*.yaml"), *(ROOT / "docs").rglob("*.md")]
    assert [file.name for file in files if "../shared" in file.read_text()] == []
