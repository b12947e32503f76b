"""The evaluation page of a night: the report of `evaluate` for champion, newest model
and floors.
"""

import hashlib
import json
from pathlib import Path

from flows.nightly.answers import AnswersByAuthor, load_night_answers
from flows.nightly.ask_process import MODEL
from flows.nightly.benchmark import NightlyBenchmark
from flows.nightly.record import NightRecord
from touchline.config import load_params_section
from touchline.evaluation.scoring import score_candidates
from touchline.licence import LicenceParams
from touchline.report.page import write_evaluation_report


def write_night_page(folder: Path, benchmark: NightlyBenchmark, night: NightRecord) -> str:
    """Write the page below `folder` and return its relative name, which is derived from the
    answers: equal answers share one page.
    """
    shown = [night.newest, *([night.champion.name] if night.champion else [])]
    chosen = [name for name in dict.fromkeys(shown) if night.candidates[name].answers]
    files = [night.floors_file, *(night.candidates[name].file for name in chosen)]
    page_key = [night.benchmark["digest"], chosen, files]
    name = f"pages/{hashlib.sha256(json.dumps(page_key).encode()).hexdigest()[:16]}.html"
    if not (folder / name).is_file():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write_night_report(
            folder / name, benchmark, night, _load_page_answers(folder / "answers", night, chosen)
        )
    return name


def _load_page_answers(folder: Path, night: NightRecord, chosen: list[str]) -> AnswersByAuthor:
    """The floors first; the newest model last: it is the one that the page judges."""
    answers = load_night_answers(folder / night.floors_file)
    files = {name: load_night_answers(folder / night.candidates[name].file) for name in chosen}
    answers |= {author: rows for author, rows in files[chosen[0]].items() if author != MODEL}
    return answers | {name: files[name][MODEL] for name in reversed(chosen)}


def _write_night_report(
    file: Path, benchmark: NightlyBenchmark, night: NightRecord, answers: AnswersByAuthor
) -> None:
    bench, evaluate = benchmark.bench, benchmark.evaluate
    licence = load_params_section(LicenceParams, "licence", benchmark.folder / "params.yaml")
    write_evaluation_report(
        file,
        questions=bench.questions_by_id,
        clips=bench.clips_by_id,
        answers=answers,
        scores=score_candidates(answers, bench, evaluate["theta"], evaluate["seed"]),
        frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
        logs={},
        about={
            "Night": {"benchmark of run": night.benchmark["run"], "commit": night.commit},
            "Frames a model may see": bench.budget.model_dump(),
            "Dialogue": bench.dialogue.model_dump(),
        },
        zero=bench.dialogue.clock_offset,
        withheld=licence.withheld("report"),
    )
