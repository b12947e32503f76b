"""Cache keys of answers: a digest of everything that decides an answer.

That is weights, sampling, question, budget, all frames of the clip that may be shown, and our own
code and prompts with which the candidate is asked. Not included: the truth (scores are not cached),
batch size and device (at most a rounding difference).

Code and prompts are not listed here: they are the deps of the stage `evaluate` in dvc.yaml, as far
as asking the candidate reaches them (`list_answer_files`). So a new metric, floor or report asks
nobody again.
"""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from touchline.config import load_yaml_file
from touchline.evaluation import test_set
from touchline.evaluation.candidates.candidate import EvalCandidate, EvalItem, EvalSettings
from touchline.evaluation.test_set import EvalSet
from touchline.import_graph import PROJECT_ROOT, find_reached_files, list_texts

KEYED_PACKAGES = ("torch", "transformers", "trl", "pillow")


def compute_cache_keys(
    candidate: EvalCandidate, items: Sequence[EvalItem], eval_set: EvalSet, settings: EvalSettings
) -> list[str]:
    """One cache key per item; nothing is decoded or generated."""
    common = [
        _digest_code(type(candidate)),
        candidate.kind,
        candidate.identity(settings),
        _settings_key(settings),
    ]
    start = hashlib.sha256(_canonical_json(common))
    return [_digest_item(start.copy(), _item_key(candidate, item, eval_set)) for item in items]


def _digest_item(start: Any, item: list[Any]) -> str:
    start.update(_canonical_json(item))
    return start.hexdigest()


def _settings_key(settings: EvalSettings) -> list[Any]:
    return [settings.budget.model_dump(), settings.dialogue.model_dump()]


def _item_key(candidate: EvalCandidate, item: EvalItem, eval_set: EvalSet) -> list[Any]:
    """What differs from question to question, of what this candidate perceives."""
    question_part = [item.question.text, item.reel.clock_offset, item.clip.end - item.clip.start]
    if candidate.senses == "frames":
        return [*question_part, eval_set.frames_digest(item.clip)]
    lines = [dataclasses.astuple(line)[2:5] for line in item.lines]
    return [*question_part, lines]


@cache
def _digest_code(kind: type[EvalCandidate]) -> str:
    """The digest of the code and prompts that ask, and the versions of the libraries below them."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in KEYED_PACKAGES]).encode())
    for path in list_answer_files(kind):
        name = path.relative_to(PROJECT_ROOT).as_posix()
        digest.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def list_answer_files(kind: type[EvalCandidate]) -> list[Path]:
    """The files of this project that can change an answer of this kind of candidate, sorted.

    Of the code deps of `evaluate`, these are the modules that the kind's own module and the test
    set reach by import, and all texts in the rooms of these modules.
    """
    starts = [Path(inspect.getfile(module)) for module in (kind, test_set)]
    reached = find_reached_files(starts, with_parents=False)
    texts = {text for folder in {path.parent for path in reached} for text in list_texts(folder)}
    deps = _list_evaluate_deps()
    return sorted(
        path for path in {*reached, *texts} if any(path.is_relative_to(dep) for dep in deps)
    )


@cache
def _list_evaluate_deps() -> list[Path]:
    """The code deps of `evaluate`; the whole library where it is installed without dvc.yaml."""
    pipeline = PROJECT_ROOT / "dvc.yaml"
    if not pipeline.is_file():
        return [PROJECT_ROOT / "touchline"]
    deps = load_yaml_file(pipeline)["stages"]["evaluate"]["deps"]
    return [PROJECT_ROOT / dep for dep in deps if dep.startswith("touchline/")]


def _canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
