"""Presets and settings of one run: what is taken, what is refused, and in which words."""

from pathlib import Path

import pytest

from flows.runs import overrides
from touchline.errors import InputError

PARAMS = """\
# every number
sft:              # training
  lr: 2e-4        # per step
  steps: 300
  name: plain
  trainer: {seed: 7, bf16: false, note: null}
download:
  sources:
    synthetic: {seed: 7}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "real.yaml").write_text(
        "download:\n  sources: {clips: {folder: ../clips}}\nsft: {steps: 9}\n"
    )
    return tmp_path


def read(folder: Path) -> dict[str, dict[str, object]]:
    return overrides.read_yaml_mapping(folder / "params.yaml")


def test_a_setting_changes_its_key_and_keeps_the_comments(folder: Path) -> None:
    changed = overrides.apply_overrides(folder, None, ["sft.lr=1e-4", "sft.trainer.bf16=true"])
    assert changed == {"sft.lr": 1e-4, "sft.trainer.bf16": True}
    assert read(folder)["sft"]["lr"] == 1e-4
    text = (folder / "params.yaml").read_text()
    assert "# every number" in text and "# training" in text and "# per step" in text


def test_without_a_setting_the_file_keeps_every_byte(folder: Path) -> None:
    assert overrides.apply_overrides(folder, None, []) == {}
    assert (folder / "params.yaml").read_text() == PARAMS


def test_a_key_of_a_preset_replaces_that_key_wholly_and_leaves_the_others(folder: Path) -> None:
    overrides.apply_overrides(folder, "real", [])
    assert read(folder)["download"]["sources"] == {"clips": {"folder": "../clips"}}
    assert read(folder)["sft"]["steps"] == 9
    assert read(folder)["sft"]["lr"] == 2e-4


def test_a_setting_comes_after_the_preset(folder: Path) -> None:
    overrides.apply_overrides(folder, "real", ["sft.steps=10"])
    assert read(folder)["sft"]["steps"] == 10


def test_a_preset_may_be_like_another_and_change_some_of_its_keys(folder: Path) -> None:
    (folder / "presets" / "other.yaml").write_text("like: real\nsft: {lr: 1e-3}\n")
    overrides.apply_overrides(folder, "other", [])
    sft = read(folder)["sft"]
    assert (sft["steps"], sft["lr"]) == (9, 1e-3)
    (folder / "presets" / "real.yaml").write_text("like: other\n")
    with pytest.raises(InputError, match="leads back to itself"):
        overrides.apply_overrides(folder, "other", [])


def test_an_integer_may_stand_for_a_number_and_null_for_anything(folder: Path) -> None:
    overrides.apply_overrides(folder, None, ["sft.lr=1", "sft.trainer.note=words", "sft.name=null"])
    assert read(folder)["sft"]["lr"] == 1


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("sft.lrr=1", "sft.lrr: params.yaml has no `sft.lrr`; did you mean sft.lr"),
        ("stf.lr=1", "stf.lr: params.yaml has no `stf`; did you mean sft.lr"),
        ("sft.lr.x=1", "sft.lr.x: params.yaml has no `sft.lr.x`"),
        ("sft.steps=many", "sft.steps: 'many' is a text, the value in params.yaml is an integer"),
        ("sft.steps=1.5", "sft.steps: 1.5 is a number, the value in params.yaml is an integer"),
        ("sft.trainer.bf16=1", "sft.trainer.bf16: 1 is an integer, the value in params.yaml is tr"),
        ("sft=1", "sft: 1 is an integer, the value in params.yaml is a mapping; give a mapping"),
        ("sft.steps", "--set sft.steps: is not KEY=VALUE"),
        ("sft.steps={", "--set sft.steps={: is not YAML (did not find expected node"),
        (
            "sft.steps=2026-13-45",
            "--set sft.steps=2026-13-45: is not YAML (month must be in 1..12)",
        ),
        (f"sft.name={'[' * 3000}", "--set sft.name=[[["),
        ("sft.trainer=&a {x: *a}", "--set sft.trainer=&a {x: *a}: holds more than 100000 values"),
        (f"{'x' * 70_000}=1", "--set xxx"),
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_is_written(
    folder: Path, setting: str, sentence: str
) -> None:
    with pytest.raises(InputError) as fault:
        overrides.apply_overrides(folder, None, ["sft.name=other", setting])
    assert str(fault.value).startswith(sentence)
    assert (folder / "params.yaml").read_text() == PARAMS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not YAML"),
        ("a: 1\na: 2", "is not YAML (found duplicate key"),
        (
            "[" * 100_000 + "]" * 100_000,
            "mine.yaml: is nested more than 100 levels deep; write it flatter",
        ),
        ("- " * 100_000 + "x", "mine.yaml: is nested more than 100 levels deep; write it flatter"),
        ("a: &a [*a]", "holds more than 100000 values; write out what it repeats"),
        ("like: 1.5", "mine.yaml: like: is a number, no name of a preset; put it in quotes"),
        ("like: false", "mine.yaml: like: is true or false, no name of a preset"),
        ("like: ''", "is not a name of a preset"),
        ("- 1", "is not a mapping"),
        ("7", "is not a mapping"),
    ],
)
def test_a_preset_that_is_no_mapping_of_sections_is_refused(
    folder: Path, text: str, sentence: str
) -> None:
    (folder / "presets" / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as fault:
        overrides.apply_overrides(folder, "mine", [])
    assert sentence in str(fault.value)


@pytest.mark.parametrize(
    "name", ["../params", "/etc/hosts", "a/../../b", "x\0", "x" * 300, "", "."]
)
def test_a_preset_cannot_lie_outside_its_folder(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a name of a preset"):
        overrides._read_preset(folder, name)


def test_an_unknown_preset_names_its_near_match(folder: Path) -> None:
    with pytest.raises(
        InputError, match="--preset reel: there is no such preset; did you mean real"
    ):
        overrides.apply_overrides(folder, "reel", [])
