"""The benchmark of the nights: the test questions of one pinned run, and how they are asked."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.atomic import whole_file
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.config import section
from touchline.errors import BadInput
from touchline.evaluation.candidates.candidate import Setting
from touchline.evaluation.scoring import judge, labelled
from touchline.evaluation.test_set import Bench
from touchline.metrics.per_answer import Judge
from touchline.records import Question

PRODUCTS = ("clips", "captions", "questions", "frames")
BLIND = "blank"  # the floor that no gate may do without
SECTIONS = ("evaluate", "student", "budget", "dialogue", "licence")  # of the pinned run's params


def digest(products: Mapping[str, str], params: Mapping[str, Any]) -> str:
    """Of the products' digests and of how they are asked and judged."""
    asked = {name: params[name] for name in ("evaluate", "budget", "dialogue")}
    text = json.dumps([dict(products), asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def pin(folder: Path, params: Mapping[str, Any]) -> None:
    """Write the run's own settings beside its products."""
    missing = [name for name in SECTIONS if name not in params]
    if missing:
        raise BadInput(folder.name, f"its run has no section {missing[0]}", "pin a newer run")
    kinds = [entry["kind"] for entry in params["evaluate"].get("candidates", [])]
    if BLIND not in kinds:
        wrong = f"its run's evaluate.candidates has no kind {BLIND}: what is known without looking"
        raise BadInput(folder.name, wrong, "pin a run that has one (nightly.benchmark)")
    with whole_file(folder / "params.yaml") as draft, draft.open("w") as stream:
        YAML(typ="safe").dump({name: params[name] for name in SECTIONS}, stream)


@dataclass(frozen=True)
class Benchmark:
    """A folder with the products and `params.yaml`; what is read is kept."""

    folder: Path

    @cached_property
    def params(self) -> dict[str, Any]:
        return YAML(typ="safe").load(self.folder / "params.yaml")

    @property
    def evaluate(self) -> dict[str, Any]:
        return self.params["evaluate"]

    @cached_property
    def bench(self) -> Bench:
        """What is asked, as `evaluate` asks it."""
        file = self.folder / "params.yaml"
        budget, dialogue = section(Budget, "budget", file), section(Dialogue, "dialogue", file)
        clips, captions, questions, frames = (self.folder / name for name in PRODUCTS)
        return Bench(clips, captions, questions, frames, budget, dialogue)

    def setting(self, model: Path | None) -> Setting:
        """How a model is asked: as `evaluate` asks, so that answers to it count here as well."""
        student = self.params["student"]
        return Setting(
            budget=self.bench.budget,
            dialogue=self.bench.dialogue,
            known=self.bench.prior(self.evaluate["interval"]),
            dtype=student["dtype"],
            attention=student["attention"],
            threads=student["threads"],
            seed=self.evaluate["seed"],
            batch=self.evaluate["batch"],
            turn_tokens=self.evaluate["turn_tokens"],
            models={"model": model} if model else {},
        )

    @cached_property
    def labelled(self) -> dict[str, Question]:
        """The questions asked, with their labels by the clock of the answers."""
        every = labelled(self.bench)
        return {question.id: every[question.id] for question in self.bench.asked}

    @cached_property
    def judge(self) -> Judge:
        return judge(self.bench, self.evaluate["theta"], self.evaluate["seed"])
