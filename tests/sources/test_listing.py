"""`touchline sources` says what is here, what is missing, and how to get it."""

import json
from pathlib import Path

import pytest

from flows import cli
from touchline.errors import InputError
from touchline.sources import SOURCES, listing
from touchline.sources.listing import SourceListing

ROOT = Path(__file__).parents[2]
FIELDS = [
    "name", "sports", "tasks", "licence", "terms", "homepage", "state", "places", "missing",
]  # fmt: skip


def checkout(folder: Path, preset: str) -> Path:
    (folder / "presets").mkdir(exist_ok=True)
    (folder / "params.yaml").write_text("download: {sources: {synthetic: {seed: 1}}}\n")
    (folder / "presets/mine.yaml").write_text(preset)
    return folder


def tennis(folder: Path, preset: str) -> SourceListing:
    return next(
        one for one in listing.list_sources(checkout(folder, preset)) if one.name == "e2e-tennis"
    )


def given(folder: str) -> str:
    return f"download: {{sources: {{e2e-tennis: {{folder: {folder}}}}}}}\n"


def test_the_state_follows_what_lies_in_the_folder(tmp_path: Path) -> None:
    assert tennis(tmp_path, "ask: {seed: 1}\n").state == "not set"
    assert tennis(tmp_path, given("raw")).state == "nothing here"
    (tmp_path / "data/raw/raw").mkdir(parents=True)
    (tmp_path / "data/raw/raw/val.json").write_text("[]")
    one = tennis(tmp_path, given("raw"))
    assert (one.state, [part.holds for part in one.missing]) == ("labels only", ["videos"])
    assert one.places[0].files == {"labels": 1, "videos": 0}
    assert (one.places[0].set_in, one.places[0].folder) == ("presets/mine.yaml", "raw")
    (tmp_path / "data/raw/raw/a.mp4").write_bytes(b"x")
    assert tennis(tmp_path, given("raw")).state == "complete"


def test_a_folder_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    one = tennis(tmp_path, given("raw"))
    assert not one.places[0].exists
    text = listing.format_sources_text([one])
    assert "raw (presets/mine.yaml): there is no such folder; see TOUCHLINE_RAW" in text


def test_a_source_that_makes_everything_misses_nothing(tmp_path: Path) -> None:
    first = listing.list_sources(checkout(tmp_path, ""))[0]
    assert (first.name, first.state, first.missing) == ("synthetic", "made here", ())


def test_the_text_names_every_source_and_fits_a_page(tmp_path: Path) -> None:
    text = listing.format_sources_text(listing.list_sources(checkout(tmp_path, given("raw"))))
    assert max(map(len, text.splitlines())) <= listing.WIDTH
    for name, source in SOURCES.items():
        assert f"{name}: " in text and source.homepage in text
    assert "no folder is set: download.sources.mvfoul.folder" in text


def test_the_json_keeps_its_fields(tmp_path: Path) -> None:
    listed = json.loads(
        listing.format_sources_json(listing.list_sources(checkout(tmp_path, given("raw"))))
    )
    assert [one["name"] for one in listed] == list(SOURCES)
    assert all(list(one) == FIELDS for one in listed)
    (place,) = next(one["places"] for one in listed if one["name"] == "e2e-tennis")
    assert list(place) == ["set_in", "folder", "exists", "files"]
    assert all(
        list(part) == ["holds", "where", "access"] for one in listed for part in one["missing"]
    )


@pytest.mark.parametrize("preset", ["download: 7\n", "download: {sources: [1]}\n", "", "7\n"])
def test_a_preset_of_another_shape_sets_no_folder(tmp_path: Path, preset: str) -> None:
    assert tennis(tmp_path, preset).places == ()


def test_a_preset_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml: is not YAML"):
        listing.list_sources(checkout(tmp_path, "a: [\n"))


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_command_prints_the_list(
    more: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as end:
        cli.main(["sources", *more])
    said = capsys.readouterr().out
    assert not end.value.code and "finediving" in said
    assert not more or len(json.loads(said)) == len(SOURCES)
