"""The benchmark of the nights: the test questions of one pinned run, and how they are asked."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from touchline.dialogue import Dialogue
from touchline.faults import BadInput
from touchline.metrics.answer import Judge
from touchline.products import whole_file
from touchline.records import Caption, Clip, Question, by_id, grouped, read
from touchline.stage import section
from touchline.tasks.counting import count
from touchline.tasks.score import number
from touchline.tasks.spotting import intervals
from touchline.tools.choose_frames import Budget

PRODUCTS = ("clips", "captions", "questions", "frames")
SECTIONS = ("evaluate", "student", "budget", "dialogue", "licence")  # of the pinned run's params
NUMBERS = {"counting": count, "score": number}  # tasks whose answers are numbers


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
    with whole_file(folder / "params.yaml") as draft, draft.open("w") as stream:
        YAML(typ="safe").dump({name: params[name] for name in SECTIONS}, stream)


@dataclass(frozen=True)
class Benchmark:
    """A folder with the products and `params.yaml`; what is read is kept."""

    folder: Path

    @cached_property
    def evaluate(self) -> dict[str, Any]:
        return YAML(typ="safe").load(self.folder / "params.yaml")["evaluate"]

    @cached_property
    def budget(self) -> Budget:
        return section(Budget, "budget", self.folder / "params.yaml")

    @cached_property
    def dialogue(self) -> Dialogue:
        return section(Dialogue, "dialogue", self.folder / "params.yaml")

    @cached_property
    def every(self) -> dict[str, Question]:
        return by_id(read(self.folder / "questions" / "questions.parquet", Question))

    @cached_property
    def clips(self) -> dict[str, Clip]:
        return by_id(read(self.folder / "clips" / "clips.parquet", Clip))

    @cached_property
    def captions(self) -> dict[str, list[Caption]]:
        return grouped(read(self.folder / "captions" / "captions.parquet", Caption), "clip")

    @cached_property
    def test(self) -> list[Question]:
        """The questions that are asked: of the test split, with frames."""
        found = [
            question
            for question in self.every.values()
            if question.split == "test" and self.clips[question.clip].frames
        ]
        if not found:
            wrong = "no question of the test split has frames"
            raise BadInput(self.folder.name, wrong, "pin another run (nightly.benchmark)")
        return found

    @cached_property
    def labelled(self) -> dict[str, Question]:
        """The questions to judge by: spotting by the clock of the answers."""
        if self.dialogue.time != "half":
            return {question.id: question for question in self.test}
        return {question.id: _as_said(question) for question in self.test}

    @cached_property
    def judge(self) -> Judge:
        theta, seed = self.evaluate["theta"], self.evaluate["seed"]
        return Judge(intervals, theta, seed, NUMBERS, self.clips, self.dialogue.zero)


def _as_said(question: Question) -> Question:
    if question.task != "spotting":
        return question
    said = [time for pair in intervals(question.truth) for time in pair]
    return replace(question, evidence=said)
