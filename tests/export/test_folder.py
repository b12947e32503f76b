"""An exported model loads without our package, says the same, and its card tells the truth."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from touchline import licence
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.export.card import check_model_card
from touchline.export.folder import (
    DIGESTS_FILE,
    ExportLineage,
    digest_folder_files,
    export_model_folder,
)
from touchline.model.load import load_model_and_processor, seed_everything
from touchline.model.params import StudentParams
from touchline.model.tiny import build_tiny_model
from touchline.model.trained_with import ClipShape, QuestionShape, TrainedWith, write_trained_with

PARAMS = Path(__file__).parents[2] / "params.yaml"
F1 = {"value": 0.8251, "low": 0.7, "high": 0.9, "n": 12}
SCORES = {
    "candidates": {
        "floor.tiles": {"spotting": {"f1": F1 | {"value": 0.39}}},
        "rl": {"spotting": {"f1": F1}},
    }
}
LINEAGE = ExportLineage(
    "20260101-000000-abcd",
    "c" * 40,
    "rl",
    {"rl": {"lr": 5e-5}},
    {"data/frames": "d" * 32},
    {},
    SCORES,
)
ALONE = """
import json, sys
sys.modules["touchline"] = None  # not to be had
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoTokenizer, Qwen2VLImageProcessorPil
folder, picture = sys.argv[1:]
model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(folder)
images = Qwen2VLImageProcessorPil.from_pretrained(folder)
seen = images(images=[Image.open(picture)], return_tensors="pt")
blocks = [{"type": "image"}, {"type": "text", "text": "Find every goal."}]
talk = [{"role": "user", "content": blocks}]
text = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
pads = int(seen["image_grid_thw"][0].prod()) // images.merge_size**2
text = text.replace("<|image_pad|>", "<|image_pad|>" * pads)
given = tokenizer(text, return_tensors="pt")
kinds = (given["input_ids"] == tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
out = model.generate(**given, **seen, mm_token_type_ids=kinds, do_sample=False, max_new_tokens=12)
print(json.dumps(out[0].tolist()))
"""


def build_model(folder: Path) -> Path:
    """An untrained tiny model, as a training leaves its folder."""
    seed_everything(1, 1)
    student = load_params_section(StudentParams, "student", PARAMS)
    build_tiny_model(student.tiny, ["Find every goal."], [" goal", "Find every"], folder)
    cut, asked = (
        load_params_section(ClipShape, "chunk", PARAMS),
        load_params_section(QuestionShape, "ask", PARAMS),
    )
    budget = load_params_section(FrameBudget, "budget", PARAMS)
    write_trained_with(
        folder, TrainedWith(budget=budget, dialogue=DEFAULT_DIALOGUE, chunk=cut, ask=asked)
    )
    licence.write_product_terms(folder, {"synthetic": ("Apache-2.0", "open")})
    (folder / "log.jsonl").write_text("{}\n")
    (folder / "rollouts.parquet").write_bytes(b"words of the data")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("models") / "rl")


@pytest.fixture
def given(model: Path, tmp_path: Path) -> Path:
    export_model_folder(model, LINEAGE, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.slow  # another process with transformers in it: 9 CPU s
def test_without_our_package_it_generates_the_same_tokens(
    model: Path, given: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "frame.png"
    Image.effect_mandelbrot((64, 32), (-2, -1, 1, 1), 40).convert("RGB").save(picture)
    command = [sys.executable, "-c", ALONE, str(given), str(picture)]
    alone = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr[-2000:]
    net, processor = load_model_and_processor(model, "float32")
    blocks = [{"type": "image", "image": Image.open(picture)}]
    blocks += [{"type": "text", "text": "Find every goal."}]
    batch = processor.apply_chat_template(
        [{"role": "user", "content": blocks}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    ours = net.eval().generate(**batch, do_sample=False, max_new_tokens=12)
    assert json.loads(alone.stdout.splitlines()[-1]) == ours[0].tolist()


def test_no_file_names_our_processor_a_path_of_this_machine_or_words_of_the_data(
    model: Path, given: Path
) -> None:
    names = {path.name for path in given.rglob("*")}
    assert not names & {"log.jsonl", "rollouts.parquet", "hub.json"}
    for path in given.rglob("*.json"):
        text = path.read_text()
        assert "FramesProcessor" not in text and str(model.parent) not in text, path.name
    kinds = {path.suffix for path in given.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".jinja", ".md", ".txt"}


def test_every_file_has_its_digest(given: Path) -> None:
    assert json.loads((given / DIGESTS_FILE).read_text()) == digest_folder_files(given)


def test_the_cards_figures_are_those_of_its_evaluation(given: Path) -> None:
    check_model_card(given)
    assert "[0.825](evaluation/evaluate.json#/candidates/rl/spotting/f1/value)" in (
        (given / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("[0.825]", "[0.925]"), ("/rl/spotting/f1/", "/rl/x/f1/"), ("[0.390]", "0.39 [")],
)
def test_a_figure_that_is_not_in_the_evaluation_is_caught(given: Path, old: str, new: str) -> None:
    card = given / "README.md"
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(InputError, match=r"README.md"):
        check_model_card(given)


@pytest.mark.parametrize("kind", ["nda", "request"])
def test_a_model_trained_on_bound_data_is_refused(model: Path, tmp_path: Path, kind: str) -> None:
    bound = tmp_path / "bound"
    bound.mkdir()
    licence.write_product_terms(bound, {"soccernet": ("NDA", kind)})
    with pytest.raises(InputError, match="may not be passed on: soccernet"):
        export_model_folder(bound, LINEAGE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_nobody_evaluated_is_refused(model: Path, tmp_path: Path) -> None:
    unknown = ExportLineage("run", "c", "sft", {}, {}, {}, {"candidates": {}})
    with pytest.raises(InputError, match="nothing says how sft scored"):
        export_model_folder(model, unknown, tmp_path / "out")
