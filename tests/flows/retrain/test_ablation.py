"""The ablation's pairs: every variant of a preset with every seed, each kept by what made it."""

import subprocess
from pathlib import Path

import pytest

from flows.retrain.ablation import (
    SEED_KEYS,
    TARGET_METRIC,
    AblationRequest,
    list_variants,
    parse_seeds,
    plan_ablation_runs,
    summarize_rl_gain,
)
from touchline.errors import InputError
from touchline.report.ablation import format_ablation_text, write_ablation_page

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "presets/small").mkdir(parents=True)
    (tmp_path / "presets/small.yaml").write_text("rl: {steps: 2}\n")
    for name in ("v1", "no-tool"):
        (tmp_path / f"presets/small/{name}.yaml").write_text("like: small\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_the_preset_comes_first_then_the_files_of_its_folder(root: Path) -> None:
    found = list_variants(root, "small")
    assert list(found.items()) == [
        ("recipe", "small"), ("no-tool", "small/no-tool"), ("v1", "small/v1"),
    ]  # fmt: skip


def test_each_seed_trains_anew_from_the_first_weights_on(root: Path) -> None:
    pairs = list(plan_ablation_runs(root, AblationRequest("small", (1, 2), ("v1",))))
    assert [(pair.variant, pair.seed) for pair in pairs] == [("v1", 1), ("v1", 2)]
    assert set(SEED_KEYS) == {"student.tiny.seed", "sft.seed", "rl.seed"}
    assert all(f"{key}=2" in pairs[1].request.sets for key in SEED_KEYS)


def test_another_commit_or_setting_keeps_its_answers_elsewhere(root: Path) -> None:
    def folders(*sets: str) -> set[Path]:
        return {
            pair.folder
            for pair in plan_ablation_runs(root, AblationRequest("small", (1,), (), sets))
        }

    before = folders()
    assert before == folders() and not before & folders("rl.lr=1e-4")
    (root / "presets/small.yaml").write_text("rl: {steps: 3}\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", *who, "commit", "-qam", "more"], cwd=root, check=True)
    assert not before & folders()


def test_seeds_are_numbers_and_named_once() -> None:
    assert parse_seeds("1,2,2") == (1, 2)
    with pytest.raises(InputError, match="1,2,3"):
        parse_seeds("one")


def test_an_unknown_preset_or_variant_is_refused_with_those_known(root: Path) -> None:
    with pytest.raises(InputError, match="small"):
        list_variants(root, "smal")
    with pytest.raises(InputError, match="no-tool, v1"):
        list(plan_ablation_runs(root, AblationRequest("small", (1,), ("v3",))))


def test_every_variant_in_the_repository_goes_back_to_its_preset() -> None:
    for name, preset in list_variants(REPOSITORY, "ablation").items():
        text = (REPOSITORY / "presets" / f"{preset}.yaml").read_text()
        assert name == "recipe" or "like: ablation" in text


def test_the_headline_is_what_the_recipe_gained_and_no_variant_s_gain() -> None:
    recipe, other = (
        {"differences": {TARGET_METRIC: {"value": v, "low": 0, "high": 1}}} for v in (0.2, 0.9)
    )
    assert summarize_rl_gain({"recipe": recipe, "v1": other})["value"] == 0.2
    assert summarize_rl_gain({"v1": other}) == {}


def test_table_and_page_name_each_variant_with_its_gain(tmp_path: Path) -> None:
    gain = {"value": 0.05, "low": 0.01, "high": 0.09, "n": 9, "each": [0.05],
            "seeds": {"low": 0.0, "high": 0.1}}  # fmt: skip
    values = {name: {"value": 0.5} for name in ("score", "f1_50", "f1_70", "frames", "tool_rate")}
    one = {"seeds": [1], "sft": values, "rl": values, "rl_minus_sft": gain,
           "differences": dict.fromkeys(values, gain), "minus_first": {}}  # fmt: skip
    second = one | {"minus_first": one["differences"]}
    figures = {"preset": "small", "matches": 9, "questions": 90, "runs": {"recipe": {1: "r"}},
               "variants": {"recipe": one, "v1": second}}  # fmt: skip
    assert "v1" in format_ablation_text(
        figures
    ) and "+0.050 [+0.010,+0.090]" in format_ablation_text(figures)
    write_ablation_page(tmp_path / "page.html", figures)
    page = (tmp_path / "page.html").read_text()
    assert page.count("+0.05") >= 12 and "<td>v1</td>" in page
