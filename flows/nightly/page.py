"""The page of a night's evaluation: the report of `evaluate`, of champion, newest and floors."""

import hashlib
import json
from pathlib import Path

from flows.nightly.answers import Rows, load
from flows.nightly.ask_process import MODEL
from flows.nightly.benchmark import Benchmark
from flows.nightly.record import Night
from touchline.config import section
from touchline.evaluation.scoring import scored
from touchline.licence import Licence
from touchline.report.page import write_report


def write(folder: Path, benchmark: Benchmark, night: Night) -> str:
    """Write the page below `folder` and return its name; equal answers have one page."""
    shown = [night.newest, *([night.champion.name] if night.champion else [])]
    chosen = [name for name in dict.fromkeys(shown) if night.candidates[name].answers]
    files = [night.floors_file, *(night.candidates[name].file for name in chosen)]
    said = [night.benchmark["digest"], chosen, files]
    name = f"pages/{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}.html"
    if not (folder / name).is_file():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write(folder / name, benchmark, night, _answers(folder / "answers", night, chosen))
    return name


def _answers(folder: Path, night: Night, chosen: list[str]) -> Rows:
    """The floors first; the newest model last: it is the one that the page judges."""
    given = load(folder / night.floors_file)
    files = {name: load(folder / night.candidates[name].file) for name in chosen}
    given |= {author: own for author, own in files[chosen[0]].items() if author != MODEL}
    return given | {name: files[name][MODEL] for name in reversed(chosen)}


def _write(file: Path, benchmark: Benchmark, night: Night, answers: Rows) -> None:
    bench, evaluate = benchmark.bench, benchmark.evaluate
    licence = section(Licence, "licence", benchmark.folder / "params.yaml")
    write_report(
        file,
        questions=bench.every,
        clips=bench.by_clip,
        answers=answers,
        scores=scored(answers, bench, evaluate["theta"], evaluate["seed"]),
        frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
        logs={},
        about={
            "Night": {"benchmark of run": night.benchmark["run"], "commit": night.commit},
            "Frames a model may see": bench.budget.model_dump(),
            "Dialogue": bench.dialogue.model_dump(),
        },
        zero=bench.dialogue.zero,
        withheld=licence.withheld("report"),
    )
