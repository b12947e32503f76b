"""The kinds of candidates: what each is shown, and which are refused at the door."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.parrot import setting_of
from tests.train.conftest import Kit
from touchline.chat.tools.choose_frames import ClipFrames
from touchline.errors import InputError
from touchline.evaluation.candidates import CANDIDATE_KINDS, parse_candidates
from touchline.evaluation.engine import answer_questions
from touchline.evaluation.test_set import EvalSet


def one(kind: str, **fields: Any):
    return parse_candidates([{"kind": kind, "name": "x", **fields}])[0]


def coloured() -> ClipFrames:
    """A frame's colour is its second."""
    return ClipFrames(
        np.arange(60.0), lambda times: [Image.new("RGB", (4, 2), (int(t), 0, 0)) for t in times]
    )


def shown(kind: str, times: list[float]) -> list[int]:
    reel = one(kind, model="sft", revision="").transform_frames(coloured())
    return [picture.getpixel((0, 0))[0] for picture in reel.fetch(times)]  # type: ignore[index]


def test_blank_single_and_shuffled_are_shown_less():
    times = [float(second) for second in range(60)]
    assert shown("blank", times) == [0] * 60
    assert shown("single", times) == [30] * 60
    shuffled = shown("shuffled", times)
    assert sorted(shuffled) == list(range(60)) and shuffled != list(range(60))
    assert shown("shuffled", times[7:9]) == shuffled[7:9]


@pytest.mark.parametrize("kind", CANDIDATE_KINDS)
def test_an_entry_with_a_strange_key_is_named(kind: str):
    with pytest.raises(InputError, match=r"evaluate.candidates\[0\]"):
        one(kind, colour="red")


def test_unknown_kinds_and_equal_names_are_refused():
    with pytest.raises(InputError, match="kind 'oracle' is unknown"):
        one("oracle")
    floor = {"kind": "floor", "name": "floor.tiles"}
    with pytest.raises(InputError, match=r"floor.tiles: two have this name"):
        parse_candidates([floor, floor])


def test_a_model_that_is_not_there_is_refused(bench: EvalSet, tmp_path: Path):
    missing = one("model", model=str(tmp_path / "none"), revision="")
    with pytest.raises(InputError, match="this model folder is missing"):
        missing.identity(setting_of(bench))


def test_an_adapter_answers_over_its_base_and_no_other(bench: EvalSet, kit: Kit, tmp_path: Path):
    from peft import LoraConfig, get_peft_model

    from touchline.model.load import load_model_and_processor
    from touchline.train.setup import LORA_TARGETS

    net, _ = load_model_and_processor(kit.folder, "float32")
    tuned = get_peft_model(net, LoraConfig(r=2, target_modules=LORA_TARGETS, task_type="CAUSAL_LM"))
    tuned.save_pretrained(tmp_path / "adapter")
    given = {"adapter": str(tmp_path / "adapter"), "base": "base", "revision": ""}
    lora = one("adapter", **given)
    rows = answer_questions(lora, bench, setting_of(bench, models={"base": kit.folder}))
    plain = one("model", model="base", revision="")
    same = answer_questions(plain, bench, setting_of(bench, models={"base": kit.folder}))
    assert [row.answer for row in rows] == [row.answer for row in same]  # B is zero at first
    file = tmp_path / "adapter/adapter_model.safetensors"
    from safetensors.torch import load_file, save_file

    wide = {k: v.repeat(1, 2) if "lora_A" in k else v for k, v in load_file(file).items()}
    save_file(wide, file)
    with pytest.raises(InputError, match="does not fit its base"):
        lora.open(setting_of(bench, models={"base": kit.folder}))


def test_a_text_model_reads_the_commentary(bench: EvalSet, kit: Kit, tmp_path: Path):
    from transformers import LlamaConfig, LlamaForCausalLM

    size = len(kit.processor.tokenizer)
    config = LlamaConfig(
        vocab_size=size, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
        eos_token_id=kit.processor.tokenizer.eos_token_id, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "text")
    kit.processor.tokenizer.save_pretrained(tmp_path / "text")
    rows = answer_questions(
        one("text", model=str(tmp_path / "text"), revision=""), bench, setting_of(bench)
    )
    assert len(rows) == len(bench.split_questions) and all(row.frames == 0 for row in rows)
    assert all("And a foul." in row.messages for row in rows)
