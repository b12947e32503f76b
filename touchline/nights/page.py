"""The page of a night's evaluation: the report of `evaluate`, of champion, newest and floors."""

import hashlib
import json
from pathlib import Path

from touchline.metrics import scores
from touchline.nights import kept
from touchline.nights.ask import BLANK, MODEL
from touchline.nights.benchmark import Benchmark
from touchline.nights.record import Night
from touchline.records import Trajectory
from touchline.report.page import write_report
from touchline.stage import section
from touchline.terms import Licence
from touchline.video.store import FrameStore


def write(folder: Path, benchmark: Benchmark, night: Night) -> str:
    """Write the page below `folder` and return its name; equal answers have one page."""
    shown = [night.newest, *([night.champion.name] if night.champion else [])]
    chosen = [name for name in dict.fromkeys(shown) if night.candidates[name].answers]
    said = [night.benchmark["digest"], [(n, night.candidates[n].answers) for n in chosen]]
    name = f"pages/{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}.html"
    if not (folder / name).is_file():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write(folder / name, benchmark, night, _answers(folder / "answers", night, chosen))
    return name


def _answers(folder: Path, night: Night, chosen: list[str]) -> dict[str, list[Trajectory]]:
    """The floors first; the newest model last: it is the one that the page judges."""
    files = [folder / night.candidates[name].file for name in chosen]
    given = {name: kept.load(folder / night.floors_file, name) for name in night.floors}
    given[BLANK] = kept.load(files[0], BLANK)
    models = {name: kept.load(file, MODEL) for name, file in zip(chosen, files, strict=True)}
    return given | dict(reversed(models.items()))


def _write(
    file: Path, benchmark: Benchmark, night: Night, answers: dict[str, list[Trajectory]]
) -> None:
    store = FrameStore(benchmark.folder / "frames")
    licence = section(Licence, "licence", benchmark.folder / "params.yaml")
    write_report(
        file,
        questions=benchmark.every,
        clips=benchmark.clips,
        answers=answers,
        scores=scores.report(answers, benchmark.labelled, benchmark.judge),
        frames=lambda clip, time: store.images(clip.video, [clip.start + time])[0],
        logs={},
        about={
            "Night": {"benchmark of run": night.benchmark["run"], "commit": night.commit},
            "Frames a model may see": benchmark.budget.model_dump(),
            "Dialogue": benchmark.dialogue.model_dump(),
        },
        zero=benchmark.dialogue.zero,
        withheld=licence.withheld("report"),
    )
