"""How fast a real-size student trains: SFT and GRPO steps from random weights, frames and all.

`python -m benchmarks.gpu --size qwen3-vl-8b --out gpu.json`, from the project's root. It needs
torch, transformers, TRL, PEFT, datasets, pydantic, ruamel.yaml, pyarrow and Pillow; no Prefect,
DVC, MLflow or PyAV, no network and no weights: shapes as published, numbers random, pictures noise.
Where pip reaches nothing, carry `pip download --no-deps trl peft` wheels and put them on the path:
`pip install --no-index --no-deps --target SITE *.whl && PYTHONPATH=SITE python -m benchmarks.gpu`.

MFU = model FLOPs / (seconds x peak of the GPU). Model FLOPs of a training step, forward once and
backward twice that, recomputation by gradient checkpointing not counted:
    6 x (language weights without the embedding table, output head counted) x tokens
  + 6 x language layers x heads x head size x sum of squared row lengths      (causal attention)
  + 6 x vision weights x patches
  + 12 x vision layers x vision width x sum of squared patches per picture.
The share of time waiting for frames is what the training loop spends asking its loader for the next
batch; in GRPO, what the environments spend fetching pictures. Padding counts as neither token.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForImageTextToText, TrainerCallback
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_trainer import SFTTrainer

from benchmarks.made_up import Made, make
from stages.rl import RlParams, build_grpo_config
from stages.sft import SftParams, build_sft_config
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.messages import build_empty_prompt, load_frames_by_clip
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.model.load import load_processor, seed_everything
from touchline.model.params import StudentParams
from touchline.model.processor import list_vision_token_ids
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.reward_fn import RolloutReward
from touchline.train.sft_data import TrajectoryCollator
from touchline.video.frame_store import FrameStore

PARAMS = Path("params.yaml")
PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "H20": 148e12}  # dense bf16
TEXT = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
SEEN = ("depth", "hidden_size", "num_heads", "intermediate_size", "deepstack_visual_indexes")
SIZES: dict[str, tuple[tuple[int, ...], int, tuple[Any, ...]]] = {  # text, feed-forward, vision
    "qwen3-vl-2b": ((2048, 28, 16, 8), 6144, (24, 1024, 16, 4096, [5, 11, 17])),
    "qwen3-vl-4b": ((2560, 36, 32, 8), 9728, (24, 1024, 16, 4096, [5, 11, 17])),
    "qwen3-vl-8b": ((4096, 36, 32, 8), 12288, (27, 1152, 16, 4304, [8, 16, 24])),
}
WARM = 2  # first steps that are not measured


def main() -> None:
    asked = arguments()
    seed_everything(1, asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        budget = FrameBudget(
            first=asked.frames, call=asked.frames, stride=1.0, calls=1,
            width=asked.width, height=asked.height,
        )  # fmt: skip
        student = load_params_section(StudentParams, "student", PARAMS)
        made = make(Path(folder), student.tiny, budget, asked.words, asked.rows)
        stages = {"sft": sft, "grpo": grpo}
        chosen = {name: stages[name] for name in asked.stages.split(",")}
        found = {name: stage(made, asked) for name, stage in chosen.items()}
    told = {"asked": vars(asked) | {"out": str(asked.out or "")}, "machine": machine(), **found}
    print(json.dumps(told, indent=2))
    if asked.out:
        asked.out.write_text(json.dumps(told, indent=2) + "\n")


def arguments() -> argparse.Namespace:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--size", choices=["tiny", *SIZES], default="qwen3-vl-8b" if gpu else "tiny"
    )
    parser.add_argument("--stages", default="sft,grpo")
    parser.add_argument("--steps", type=int, default=8 if gpu else 2, help="measured, per stage")
    parser.add_argument("--rows", type=int, default=64 if gpu else 4, help="different trajectories")
    parser.add_argument("--batch", type=int, default=4 if gpu else 1, help="rows per SFT step")
    parser.add_argument("--frames", type=int, default=8 if gpu else 2, help="first, and per call")
    parser.add_argument("--width", type=int, default=640 if gpu else 64)
    parser.add_argument("--height", type=int, default=360 if gpu else 32)
    parser.add_argument("--words", type=int, default=400 if gpu else 10, help="of each thought")
    parser.add_argument("--attempts", type=int, default=8 if gpu else 2, help="GRPO, per question")
    parser.add_argument("--answer", type=int, default=256 if gpu else 8, help="GRPO, tokens a turn")
    parser.add_argument("--attention", default="sdpa", help="eager, sdpa, flash_attention_2")
    parser.add_argument("--workers", type=int, default=4 if gpu else 0, help="that load batches")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--no-checkpointing", action="store_true", help="keep all activations")
    parser.add_argument("--peak", type=float, help="FLOP/s of the GPU, if its name is not known")
    parser.add_argument("--out", type=Path, help="JSON of all figures")
    return parser.parse_args()


def machine() -> dict[str, Any]:
    import transformers
    import trl

    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"device": device, **versions, "trl": trl.__version__}


def model_of(made: Made, asked: argparse.Namespace) -> Any:
    """A model of this size with random weights, on the device."""
    config = AutoConfig.from_pretrained(made.base)
    gpu = torch.cuda.is_available()
    if asked.size != "tiny":
        text, feed_forward, seen = SIZES[asked.size]
        _set(config.text_config, dict(zip(TEXT, text, strict=True)))
        wide = {"intermediate_size": feed_forward, "head_dim": 128, "vocab_size": 151936}
        longest = {"max_position_embeddings": 262144}
        _set(config.text_config, wide | longest)
        config.text_config.rope_parameters = {
            "rope_type": "default", "rope_theta": 5e6,
            "mrope_section": [24, 20, 20], "mrope_interleaved": True,
        }  # fmt: skip
        _set(config.vision_config, dict(zip(SEEN, seen, strict=True)))
        _set(config.vision_config, {"out_hidden_size": text[0], "num_position_embeddings": 2304})
        config.tie_word_embeddings = asked.size != "qwen3-vl-8b"
    torch.manual_seed(1)
    with torch.device("cuda" if gpu else "cpu"):
        return AutoModelForImageTextToText.from_config(
            config,
            dtype=torch.bfloat16 if gpu else torch.float32,
            attn_implementation=asked.attention,
        )


def _set(config: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(config, name, value)


def trainer_settings(asked: argparse.Namespace, batch: int) -> dict[str, Any]:
    """What differs from params.yaml: the settings one would train a real size with."""
    gpu = torch.cuda.is_available()
    return {
        "per_device_train_batch_size": batch,
        "bf16": gpu,
        "gradient_checkpointing": not asked.no_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "dataloader_num_workers": asked.workers,
        "dataloader_pin_memory": gpu,
        "torch_compile": asked.compile,
        "optim": "adamw_torch_fused" if gpu else "adamw_torch",
        "save_strategy": "no",
        "logging_steps": 1,
    } | ({"dataloader_prefetch_factor": 2, "dataloader_persistent_workers": True}
         if asked.workers else {})  # fmt: skip


class Meter(TrainerCallback):
    """Seconds per step after the first few, the GPU's work waited for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.began = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self.began:
            self.began = now()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        at = now()
        self.seconds.append(at - self.began)
        self.began = at  # the next step begins with the wait for its batch


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def sft(made: Made, asked: argparse.Namespace) -> dict[str, Any]:
    """SFT steps through TRL's trainer and our collator, frames read from a frame store."""
    model, processor = model_of(made, asked), load_processor(made.base)
    given = load_params_section(SftParams, "sft", PARAMS)
    knobs = given.trainer | trainer_settings(asked, asked.batch)
    given = given.model_copy(update={"steps": asked.steps + WARM, "lr": 1e-6, "trainer": knobs})
    meter, held, waited = Meter(), list[dict[str, Any]](), list[float]()
    shown = load_frames_by_clip(FrameStore(made.frames), made.clips, made.budget)
    trainer = SFTTrainer(
        model=model,
        args=build_sft_config(given, made.root / "sft"),
        train_dataset=Dataset.from_list(made.lessons),
        processing_class=processor,
        data_collator=TrajectoryCollator(processor, shown, DEFAULT_DIALOGUE),
        callbacks=[meter],
    )
    ask = trainer.get_batch_samples

    def timed(*given: Any, **more: Any) -> Any:
        began = now()
        samples, *rest = ask(*given, **more)
        waited.append(now() - began)
        held.extend(samples)
        return samples, *rest

    trainer.get_batch_samples = timed
    trainer.train()
    return sft_figures(trainer, meter, waited, held, asked)


def sft_figures(
    trainer: Any, meter: Meter, waited: list[float], held: list[Any], asked: argparse.Namespace
) -> dict[str, Any]:
    steps = slice(WARM, WARM + asked.steps)
    seconds, batches = sum(meter.seconds[steps]), held[steps]
    rows = [int(n) for b in batches for n in b["attention_mask"].sum(1)]
    pictures = [int(n) for b in batches for n in b["image_grid_thw"].prod(1)]
    work = flops(trainer.model, rows, pictures)
    padded = sum(b["input_ids"].numel() for b in batches)
    return {
        "seconds_per_step": seconds / asked.steps,
        "tokens_per_second": sum(rows) / seconds,
        "model_tflop_per_step": work / asked.steps / 1e12,
        "mfu": _mfu(work, seconds, asked.peak),
        "waiting_share": sum(waited[steps]) / seconds,
        "tokens_per_row": sum(rows) / len(rows),
        "padding_share": 1 - sum(rows) / padded,
        "frames_per_row": len(pictures) / len(rows),
        "pixels_per_frame": asked.width * asked.height,
        "patches_per_frame": sum(pictures) / len(pictures),
        **memory(),
    }


def flops(model: Any, rows: list[int], pictures: list[int]) -> float:
    """Model FLOPs of forward and backward over these row lengths and patches per picture."""
    text, seen = model.config.text_config, model.config.vision_config
    named = list(model.named_parameters())
    vision = sum(w.numel() for n, w in named if "visual" in n)
    table = text.vocab_size * text.hidden_size
    language = sum(w.numel() for n, w in named if "visual" not in n) - table
    language += table if model.config.tie_word_embeddings else 0  # the head is the table again
    inner = text.num_attention_heads * text.head_dim
    return (
        6.0 * language * sum(rows)
        + 6.0 * text.num_hidden_layers * inner * sum(n * n for n in rows)
        + 6.0 * vision * sum(pictures)
        + 12.0 * seen.depth * seen.hidden_size * sum(n * n for n in pictures)
    )


def _mfu(work: float, seconds: float, peak: float | None) -> float | None:
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    top = peak or next((top for known, top in PEAK.items() if known in name), None)
    return work / seconds / top if top else None


def memory() -> dict[str, float]:
    if not torch.cuda.is_available():
        return {}
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return {"peak_gib": peak}


def grpo(made: Made, asked: argparse.Namespace) -> dict[str, Any]:
    """GRPO steps with the frame tool on offer; random weights never call it."""
    model, processor = model_of(made, asked), load_processor(made.base)
    never = list_vision_token_ids(processor)
    given = load_params_section(RlParams, "rl", PARAMS)
    knobs = given.trainer | trainer_settings(asked, asked.attempts)
    knobs |= {"num_generations": asked.attempts, "max_completion_length": 4 * asked.answer}
    knobs |= {"dataloader_num_workers": 0, "dataloader_persistent_workers": False}
    knobs.pop("dataloader_prefetch_factor", None)
    more = {"steps": asked.steps + WARM, "lr": 1e-6, "turn_tokens": asked.answer, "trainer": knobs}
    given = given.model_copy(update=more)
    shown, meter = load_frames_by_clip(FrameStore(made.frames), made.clips, made.budget), Meter()
    size, played = asked.attempts, made.root / "rollouts"
    reward: Any = Counting(made.questions, processor, given.reward, size, played, set())
    fetching = Fetching()
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[reward],
        args=build_grpo_config(given, made.budget, never, made.root / "rl"),
        train_dataset=Dataset.from_list(
            [{"prompt": build_empty_prompt(), "question": q} for q in made.questions]
        ),
        processing_class=processor,
        environment_factory=partial(Timed, fetching, made.questions, shown, made.budget),
        callbacks=[meter],
    )
    trainer.train()
    seconds = sum(meter.seconds[WARM:])
    return {
        "seconds_per_step": seconds / asked.steps,
        "rollouts_per_step": asked.attempts,
        "answer_tokens_per_second": sum(reward.tokens[WARM:]) / seconds,
        "fetching_share": sum(fetching.spent[WARM * size :]) / seconds,
        "frames_per_rollout": asked.frames,
        "pixels_per_frame": asked.width * asked.height,
        **memory(),
    }


class Counting(RolloutReward):
    """The reward, which also counts the tokens of each step."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.tokens = list[int]()

    def __call__(self, *given: Any, **columns: Any) -> list[float]:
        self.tokens.append(sum(len(ids) for ids in columns["completion_ids"]))
        return super().__call__(*given, **columns)


class Fetching:
    """Seconds that each environment spent to fetch its first pictures."""

    def __init__(self) -> None:
        self.spent = list[float]()


class Timed(ClipEnvironment):
    """An environment whose first pictures are timed."""

    def __init__(self, fetching: Fetching, *given: Any) -> None:
        super().__init__(*given)
        self._fetching = fetching

    def reset(self, question: str, **more: Any) -> list:
        began = time.perf_counter()
        content = super().reset(question, **more)
        self._fetching.spent.append(time.perf_counter() - began)
        return content


if __name__ == "__main__":
    main()
