"""The nightly benchmark: the test questions of one pinned run, and the settings with which they are
asked.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.atomic import atomic_file
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.config import load_params_section
from touchline.errors import InputError
from touchline.evaluation.candidates.candidate import EvalSettings
from touchline.evaluation.floors import build_answer_prior
from touchline.evaluation.scoring import build_metric_context, get_labelled_questions
from touchline.evaluation.test_set import EvalSet
from touchline.metrics.per_answer import MetricContext
from touchline.records.question import Question

PRODUCTS = ("clips", "captions", "questions", "frames")
BLIND_FLOOR = "blank"  # the floor that no gate may do without
SECTIONS = ("evaluate", "student", "budget", "dialogue", "licence")  # of the pinned run's params


def digest_benchmark(products: Mapping[str, str], params: Mapping[str, Any]) -> str:
    """sha256 of the products' digests and of the settings with which the questions are asked and
    scored.
    """
    sections = {name: params[name] for name in ("evaluate", "budget", "dialogue")}
    text = json.dumps([dict(products), sections], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_benchmark_params(folder: Path, params: Mapping[str, Any]) -> None:
    """Write the pinned run's settings to `params.yaml` in `folder`. Raises `InputError` if a
    section or the blank floor is missing.
    """
    missing = [name for name in SECTIONS if name not in params]
    if missing:
        raise InputError(folder.name, f"its run has no section {missing[0]}", "pin a newer run")
    kinds = [entry["kind"] for entry in params["evaluate"].get("candidates", [])]
    if BLIND_FLOOR not in kinds:
        wrong = (
            f"its run's evaluate.candidates has no kind {BLIND_FLOOR}: what is known "
            "without looking"
        )
        raise InputError(folder.name, wrong, "pin a run that has one (nightly.benchmark)")
    with atomic_file(folder / "params.yaml") as draft, draft.open("w") as stream:
        YAML(typ="safe").dump({name: params[name] for name in SECTIONS}, stream)


@dataclass(frozen=True)
class NightlyBenchmark:
    """A folder with the pinned run's products and `params.yaml`; what is read is cached on the
    object.
    """

    folder: Path

    @cached_property
    def params(self) -> dict[str, Any]:
        return YAML(typ="safe").load(self.folder / "params.yaml")

    @property
    def evaluate(self) -> dict[str, Any]:
        return self.params["evaluate"]

    @cached_property
    def bench(self) -> EvalSet:
        """The test set, built as `evaluate` builds it."""
        file = self.folder / "params.yaml"
        budget, dialogue = (
            load_params_section(FrameBudget, "budget", file),
            load_params_section(Dialogue, "dialogue", file),
        )
        clips, captions, questions, frames = (self.folder / name for name in PRODUCTS)
        return EvalSet(
            clips=clips,
            captions=captions,
            questions=questions,
            frames=frames,
            budget=budget,
            dialogue=dialogue,
        )

    def setting(self, model: Path | None) -> EvalSettings:
        """Settings for asking a model, the same as in `evaluate`, so that cached answers are
        shared. None for floors without a model.
        """
        student = self.params["student"]
        return EvalSettings(
            budget=self.bench.budget,
            dialogue=self.bench.dialogue,
            prior=build_answer_prior(self.bench, self.evaluate["interval"]),
            dtype=student["dtype"],
            attention=student["attention"],
            threads=student["threads"],
            seed=self.evaluate["seed"],
            batch=self.evaluate["batch"],
            turn_tokens=self.evaluate["turn_tokens"],
            models={"model": model} if model else {},
        )

    @cached_property
    def labelled_questions(self) -> dict[str, Question]:
        """The benchmark's questions by id, with labels in the clock of the answers."""
        questions = get_labelled_questions(self.bench)
        return {question.id: questions[question.id] for question in self.bench.split_questions}

    @cached_property
    def judge(self) -> MetricContext:
        return build_metric_context(self.bench, self.evaluate["theta"], self.evaluate["seed"])
