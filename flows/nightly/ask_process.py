"""Let a model and its own floors answer the benchmark, through the engine of `evaluate`.

`python -m touchline.nights.ask --benchmark FOLDER --model FOLDER --answers FILE [--alone]` does it
in a process of its own, so that no flow ever loads torch; what was said is kept batch by batch.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.nightly.answers import Rows
from flows.nightly.benchmark import Benchmark
from touchline.errors import BadInput
from touchline.evaluation.candidates import Candidate, chosen
from touchline.evaluation.engine import answered, remembered
from touchline.records import Trajectory, write

MODEL = "model"  # the name under which whoever is asked answers
OWN = ("blank", "single", "shuffled")  # kinds of floors that are the model itself, hindered


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("benchmark", "model", "answers"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--alone", action="store_true", help="without its floors")
    args = parser.parse_args(argv)
    try:
        benchmark = Benchmark(args.benchmark)
        given = rows(benchmark, line(benchmark, args.alone), args.model)
    except BadInput as fault:
        sys.exit(f"error: {fault}")
    write(args.answers, Trajectory, [row for every in given.values() for row in every])


def floors(benchmark: Benchmark) -> list[Candidate]:
    """The floors of the benchmark's evaluation that need no model."""
    return chosen([entry for entry in benchmark.evaluate["candidates"] if entry["kind"] == "floor"])


def line(benchmark: Benchmark, alone: bool = False) -> list[Candidate]:
    """A model and, unless `alone`, the floors of the evaluation that need one: with this one."""
    itself = {"kind": "model", "name": MODEL, "model": MODEL, "revision": ""}
    listed = [entry for entry in benchmark.evaluate["candidates"] if entry["kind"] in OWN]
    own = [{**entry, "model": MODEL, "revision": ""} for entry in listed]
    return chosen([itself, *([] if alone else own)])


def rows(benchmark: Benchmark, candidates: Sequence[Candidate], model: Path | None) -> Rows:
    """Everyone's answers; only what nobody remembers is asked."""
    setting, processes = benchmark.setting(model), benchmark.evaluate["processes"]
    return {c.name: answered(c, benchmark.bench, setting, processes) for c in candidates}


def known(benchmark: Benchmark, candidates: Sequence[Candidate], model: Path) -> bool:
    """Whether all answers are remembered, so that no weights need be loaded."""
    setting = benchmark.setting(model)
    return all(remembered(one, benchmark.bench, setting) for one in candidates)


if __name__ == "__main__":
    main()
