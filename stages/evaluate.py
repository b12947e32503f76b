"""Ask base, SFT, RL and other candidates the test questions, beside honest floors; the report."""

import json
from pathlib import Path
from typing import Any

from touchline import licence as touchline_licence
from touchline.atomic import whole_folder
from touchline.chat.dialogue import Dialogue
from touchline.chat.tools.choose_frames import Budget
from touchline.config import Params, run
from touchline.evaluation.candidates import Candidate, chosen
from touchline.evaluation.candidates.candidate import Setting
from touchline.evaluation.engine import answered, failed
from touchline.evaluation.judge import Judging, graded
from touchline.evaluation.scoring import scored
from touchline.evaluation.test_set import Bench
from touchline.evaluation.tool_ablation import How, necessity
from touchline.ledger import Ledger
from touchline.licence import Licence
from touchline.model.load import Student
from touchline.records import Rollout, Trajectory, read, write
from touchline.report.page import write_report
from touchline.report.player import picked, write_player

OWN = ("base", "sft", "rl")
Rows = dict[str, list[Trajectory]]


class Evaluate(Params):
    seed: int  # of the bootstrap
    theta: float  # temporal IoU above which an interval counts
    interval: float  # seconds a floor gives to one action
    batch: int
    turn_tokens: int
    necessity: int  # questions, at most, that RL answers again without, with and with a blank tool
    processes: int  # that answer, each with its own copy of a model; a GPU for each, in turns
    judge: Judging | None  # of open answers; null for none
    candidates: list[dict[str, Any]]  # beside base, sft and rl; kinds: touchline/candidates


def main(
    evaluate: Evaluate,
    student: Student,
    budget: Budget,
    dialogue: Dialogue,
    licence: Licence,
    clips: Path,
    captions: Path,
    questions: Path,
    frames: Path,
    base: Path,
    sft: Path,
    rl: Path,
    accepted: Path,
    answers: Path,
    report: Path,
) -> dict[str, Any]:
    bench = Bench(clips, captions, questions, frames, budget, dialogue)
    own = {"base": base, "sft": sft, "rl": rl}
    setting = setting_of(evaluate, student, bench, own)
    every = lineup(evaluate.candidates)
    for candidate in every:
        candidate.identity(setting)  # one that is not to be had is known before hours of work
    rows = {c.name: answered(c, bench, setting, evaluate.processes) for c in every}
    measured = scored(rows, bench, evaluate.theta, evaluate.seed)
    measured["necessity"] = needed(rl, rows, bench, evaluate, setting)
    if evaluate.judge:
        measured["judge"] = graded(rows, bench.every, evaluate.judge, evaluate.seed)
    write_answers(answers, rows, bench, own)
    sections = {"Student": student.model_dump(exclude={"tiny"}), "Evaluation": chief(evaluate)}
    if evaluate.judge:
        told = {k: v for k, v in measured["judge"].items() if k != "candidates"}
        sections["Judge of open answers"] = {key: str(value) for key, value in told.items()}
    lessons = made(accepted / "trajectories.parquet", Trajectory)
    tell(report, rows, measured, bench, own, lessons, sections, licence)
    broken = {name: failed(given) for name, given in rows.items() if failed(given)}
    return {**measured, "without_frames": bench.unseen, "failed": broken}


def setting_of(evaluate: Evaluate, student: Student, bench: Bench, own: dict[str, Path]) -> Setting:
    """What all candidates share."""
    return Setting(
        budget=bench.budget,
        dialogue=bench.dialogue,
        known=bench.prior(evaluate.interval),
        dtype=student.dtype,
        attention=student.attention,
        threads=student.threads,
        seed=evaluate.seed,
        batch=evaluate.batch,
        turn_tokens=evaluate.turn_tokens,
        models=own,
    )


def lineup(entries: list[dict[str, Any]]) -> list[Candidate]:
    """Floors first, then others, then the run's own: the order of the report."""
    mine = [{"kind": "model", "name": name, "model": name, "revision": ""} for name in OWN]
    found = chosen([*entries, *mine])
    return sorted(found, key=lambda c: (c.name in OWN, not c.name.startswith("floor.")))


def needed(rl: Path, rows: Rows, bench: Bench, evaluate: Evaluate, setting: Setting) -> Any:
    """What the tool is worth to the model after RL."""
    how = How(
        setting.budget,
        setting.dialogue,
        setting.dtype,
        setting.turn_tokens,
        setting.batch,
        setting.seed,
    )
    games = [(game.question, game.reel) for game in bench.games()]
    return necessity(rl, games, rows["rl"], evaluate.necessity, how)


def write_answers(folder: Path, rows: Rows, bench: Bench, own: dict[str, Path]) -> None:
    """Every answer of every candidate, and what became of each test question."""
    with whole_folder(folder) as draft:
        every = [row for given in rows.values() for row in given]
        write(draft / "answers.parquet", Trajectory, every)
        asked = {question.id for question in bench.asked}
        ledger = Ledger(q.id for q in bench.every.values() if q.split == bench.split)
        for id in ledger.rows:
            ledger.keep(id) if id in asked else ledger.drop(id, "no frames here")
        ledger.close(draft / "ledger.parquet")
        touchline_licence.mark(draft, touchline_licence.of(bench.by_clip.values()), *own.values())


def tell(
    folder: Path,
    rows: Rows,
    measured: dict[str, Any],
    bench: Bench,
    own: dict[str, Path],
    lessons: list[Trajectory],
    sections: dict[str, dict[str, Any]],
    licence: Licence,
) -> None:
    """The report and the player, without what is under terms that forbid it."""
    withheld = licence.withheld("report")
    with whole_folder(folder) as draft:
        write_report(
            draft / "report.html",
            questions=bench.every,
            clips=bench.by_clip,
            answers=rows,
            scores=measured,
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            logs={name: logged(own[name]) for name in ("sft", "rl")},
            about=about(bench, sections),
            zero=bench.dialogue.zero,
            withheld=withheld,
        )
        write_player(
            draft / "player.html",
            questions=bench.every,
            clips=bench.by_clip,
            picked=picked(rows, made(own["rl"] / "rollouts.parquet", Rollout), lessons),
            frames=lambda clip, time: bench.store.images(clip.video, [clip.start + time])[0],
            withheld=withheld,
        )
        shown = [clip for clip in bench.by_clip.values() if clip.terms not in withheld]
        touchline_licence.mark(draft, touchline_licence.of(shown))


def made(file: Path, kind: type[Any]) -> list[Any]:
    """The attempts of teacher or RL; none where a model was brought from elsewhere."""
    return read(file, kind) if file.is_file() else []


def logged(model: Path) -> list[dict[str, Any]]:
    """The numbers a training wrote down, step by step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def about(bench: Bench, sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the page says about how its numbers came to be."""
    return {
        "Questions": {
            "asked": len(bench.asked),
            "left out, no frames here": bench.unseen,
            "of matches": len({(q.sport, q.match) for q in bench.asked}),
            "sources": ", ".join(sorted({q.source for q in bench.asked})),
        },
        "Frames a model may see": bench.budget.model_dump(),
        "Dialogue": bench.dialogue.model_dump(),
        **sections,
    }


def chief(evaluate: Evaluate) -> dict[str, Any]:
    """The section of the parameters, a candidate by its name and kind."""
    named = [f"{entry['name']} ({entry['kind']})" for entry in evaluate.candidates]
    return {**evaluate.model_dump(exclude={"candidates"}), "candidates": ", ".join(named)}


if __name__ == "__main__":
    run(main)
