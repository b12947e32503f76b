"""Let a model and its own floors answer the nightly benchmark, with the engine of `evaluate`.

`python -m flows.nightly.ask_process --benchmark FOLDER --model FOLDER --answers FILE
[--alone]` runs it in its own process, so that no flow imports torch. Answers are cached batch
by batch.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.nightly.answers import AnswersByAuthor
from flows.nightly.benchmark import NightlyBenchmark
from touchline.errors import InputError
from touchline.evaluation.candidates import EvalCandidate, parse_candidates
from touchline.evaluation.engine import answer_questions, is_fully_cached
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory

MODEL = "model"  # the name under which whoever is asked answers
MODEL_FLOOR_KINDS = (
    "blank",
    "single",
    "shuffled",
)  # kinds of floors that are the model itself, hindered


def main(argv: Sequence[str] | None = None) -> None:
    """Answer the benchmark and write the trajectories to `--answers`."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("benchmark", "model", "answers"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--alone", action="store_true", help="without its floors")
    args = parser.parse_args(argv)
    try:
        benchmark = NightlyBenchmark(args.benchmark)
        answers_by_candidate = answer_benchmark(
            benchmark, choose_model_and_floors(benchmark, args.alone), args.model
        )
    except InputError as fault:
        sys.exit(f"error: {fault}")
    write_records(
        args.answers,
        Trajectory,
        [row for candidate_answers in answers_by_candidate.values() for row in candidate_answers],
    )


def choose_modelless_floors(benchmark: NightlyBenchmark) -> list[EvalCandidate]:
    """The floors of the benchmark's evaluation that need no model."""
    return parse_candidates(
        [entry for entry in benchmark.evaluate["candidates"] if entry["kind"] == "floor"]
    )


def choose_model_and_floors(
    benchmark: NightlyBenchmark, alone: bool = False
) -> list[EvalCandidate]:
    """The model as a candidate and, unless `alone`, the evaluation's model-based floors (blank,
    single, shuffled) run with this model.
    """
    itself = {"kind": "model", "name": MODEL, "model": MODEL, "revision": ""}
    listed = [
        entry for entry in benchmark.evaluate["candidates"] if entry["kind"] in MODEL_FLOOR_KINDS
    ]
    own_floors = [{**entry, "model": MODEL, "revision": ""} for entry in listed]
    return parse_candidates([itself, *([] if alone else own_floors)])


def answer_benchmark(
    benchmark: NightlyBenchmark, candidates: Sequence[EvalCandidate], model: Path | None
) -> AnswersByAuthor:
    """All candidates' answers: {candidate: trajectories}. Only questions without a cached answer
    are asked.
    """
    setting, processes = benchmark.setting(model), benchmark.evaluate["processes"]
    return {c.name: answer_questions(c, benchmark.bench, setting, processes) for c in candidates}


def has_cached_answers(
    benchmark: NightlyBenchmark, candidates: Sequence[EvalCandidate], model: Path
) -> bool:
    """Whether all answers are cached, so that no weights need to be loaded."""
    setting = benchmark.setting(model)
    return all(is_fully_cached(candidate, benchmark.bench, setting) for candidate in candidates)


if __name__ == "__main__":
    main()
