"""Cache keys of answers: a digest of everything that decides an answer.

That is weights, sampling, question, prompts, budget, all frames of the clip that may be shown, and
our own code that asks and reads calls. Not included: the truth (scores are not cached), batch size
and device (at most a rounding difference).
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from touchline.chat.prompts import read_prompt
from touchline.evaluation.candidates.candidate import EvalCandidate, EvalItem, EvalSettings
from touchline.evaluation.test_set import EvalSet

PACKAGE_ROOT = Path(__file__).parents[1]
KEYED_CODE = (
    "candidates/*.py", "chat/messages.py", "model/load.py", "model/processor.py",
    "model/generate.py", "chat/messages.py", "tools/*.py", "dialogue.py", "clock.py",
    "commentary.py", "video/frame_store.py",
)  # fmt: skip
KEYED_PACKAGES = ("torch", "transformers", "trl", "pillow")


def compute_cache_keys(
    candidate: EvalCandidate, items: Sequence[EvalItem], eval_set: EvalSet, settings: EvalSettings
) -> list[str]:
    """One cache key per item; nothing is decoded or generated."""
    common = [_code_digest(), candidate.kind, candidate.identity(settings), _settings_key(settings)]
    start = hashlib.sha256(_canonical_json(common))
    return [_digest_item(start.copy(), _item_key(candidate, item, eval_set)) for item in items]


def _digest_item(start: Any, item: list[Any]) -> str:
    start.update(_canonical_json(item))
    return start.hexdigest()


def _settings_key(settings: EvalSettings) -> list[Any]:
    prompts = [read_prompt(settings.dialogue.prompt_name("instructions")), read_prompt("listening")]
    return [settings.budget.model_dump(), settings.dialogue.model_dump(), *prompts]


def _item_key(candidate: EvalCandidate, item: EvalItem, eval_set: EvalSet) -> list[Any]:
    """What differs from question to question, of what this candidate perceives."""
    question_part = [item.question.text, item.reel.clock_offset, item.clip.end - item.clip.start]
    if candidate.senses == "frames":
        return [*question_part, eval_set.frames_digest(item.clip)]
    lines = [dataclasses.astuple(line)[2:5] for line in item.lines]
    return [*question_part, lines]


@cache
def _code_digest() -> str:
    """The digest of the code that asks, and the versions of the libraries below it."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in KEYED_PACKAGES]).encode())
    for pattern in KEYED_CODE:
        for path in sorted(PACKAGE_ROOT.glob(pattern)):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
