"""Ask base, SFT and RL the test questions, put them beside honest floors, and write the report."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL.Image import Image, new

from touchline import terms
from touchline.dialogue import Dialogue
from touchline.faults import BadInput
from touchline.floors import FLOORS, Prior, prior
from touchline.metrics import scores
from touchline.necessity import How, necessity
from touchline.products import whole_folder
from touchline.progress import track
from touchline.records import (
    Caption,
    Clip,
    Question,
    Rollout,
    Trajectory,
    by_id,
    grouped,
    read,
    write,
)
from touchline.report.page import write_report
from touchline.report.player import picked, write_player
from touchline.stage import Params, run
from touchline.student.conversation import NO_FRAMES, asked, judged, reel
from touchline.student.load import Student, load, settle
from touchline.student.rollout import Player
from touchline.tasks.counting import count
from touchline.tasks.score import number
from touchline.tasks.spotting import intervals
from touchline.terms import Licence
from touchline.tools.choose_frames import Budget, Reel, Viewing
from touchline.tools.turns import thinking
from touchline.video.store import FrameStore

Games = list[tuple[Question, Reel]]
NUMBERS = {"counting": count, "score": number}  # tasks whose answers are numbers


class Evaluate(Params):
    seed: int  # of the bootstrap
    theta: float  # temporal IoU above which an interval counts
    interval: float  # seconds a floor gives to one action
    batch: int
    turn_tokens: int
    necessity: int  # questions, at most, that RL answers again without, with and with a blank tool


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
    every = by_id(read(questions / "questions.parquet", Question))
    test = [q for q in every.values() if q.split == "test"]
    if not test:
        raise BadInput(questions, "no question is in the test split", "raise ask.shares.test")
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    hidden, test = len(test), [q for q in test if by_clip[q.clip].frames]
    if not test:
        raise BadInput(questions, f"not one of {hidden} test questions has frames", NO_FRAMES)
    store = FrameStore(frames)
    games = [(q, reel(store, by_clip[q.clip], budget, dialogue)) for q in test]
    settle(evaluate.seed, student.threads)

    rows = floors(
        games,
        by_clip,
        grouped(read(captions / "captions.parquet", Caption), "clip"),
        prior(every.values(), evaluate.interval, dialogue),
        budget,
    )
    for author, folder, seen in (
        ("floor.blank", sft, blank(games)),
        ("base", base, games),
        ("sft", sft, games),
        ("rl", rl, games),
    ):
        rows[author] = list(attempts(author, folder, seen, evaluate, student, budget, dialogue))

    lessons = made(accepted / "trajectories.parquet", Trajectory)
    withheld = licence.withheld("report")
    judge = scores.Judge(intervals, evaluate.theta, evaluate.seed, NUMBERS, by_clip, dialogue.zero)
    labelled = {q.id: as_said(q) for q in test} if dialogue.time == "half" else every
    measured = scores.report(rows, labelled, judge)
    how = How(budget, dialogue, student.dtype, evaluate.turn_tokens, evaluate.batch, evaluate.seed)
    measured["necessity"] = necessity(rl, games, rows["rl"], evaluate.necessity, how)
    with whole_folder(answers) as draft:
        write(
            draft / "answers.parquet", Trajectory, [row for given in rows.values() for row in given]
        )
        terms.mark(draft, terms.of(by_clip.values()), base, sft, rl)
    with whole_folder(report) as draft:
        write_report(
            draft / "report.html",
            questions=every,
            clips=by_clip,
            answers=rows,
            scores=measured,
            frames=lambda clip, time: store.images(clip.video, [clip.start + time])[0],
            logs={"sft": logged(sft), "rl": logged(rl)},
            about=about(test, evaluate, student, budget, dialogue, hidden - len(test)),
            zero=dialogue.zero,
            withheld=withheld,
        )
        write_player(
            draft / "player.html",
            questions=every,
            clips=by_clip,
            picked=picked(rows, made(rl / "rollouts.parquet", Rollout), lessons),
            frames=lambda clip, time: store.images(clip.video, [clip.start + time])[0],
            withheld=withheld,
        )
        shown = [clip for clip in by_clip.values() if clip.terms not in withheld]
        terms.mark(draft, terms.of(shown))
    return {**measured, "without_frames": hidden - len(test)}


def as_said(question: Question) -> Question:
    """A spotting question whose evidence is what its truth says, by the clock of the answers."""
    if question.task != "spotting":
        return question
    said = [time for pair in intervals(question.truth) for time in pair]
    return replace(question, evidence=said)


def made(file: Path, kind: type[Any]) -> list[Any]:
    """The attempts of teacher or RL; none where a model was brought from elsewhere."""
    return read(file, kind) if file.is_file() else []


def logged(model: Path) -> list[dict[str, Any]]:
    """The numbers a training wrote down, step by step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def about(
    test: list[Question],
    evaluate: Evaluate,
    student: Student,
    budget: Budget,
    dialogue: Dialogue,
    without_frames: int,
) -> dict[str, dict[str, Any]]:
    """What the page says about how its numbers came to be."""
    return {
        "Questions": {
            "asked": len(test),
            "left out, no frames here": without_frames,
            "of matches": len({(q.sport, q.match) for q in test}),
            "sources": ", ".join(sorted({q.source for q in test})),
        },
        "Student": student.model_dump(exclude={"tiny"}),
        "Frames a model may see": budget.model_dump(),
        "Dialogue": dialogue.model_dump(),
        "Evaluation": evaluate.model_dump(),
    }


def attempts(
    author: str,
    folder: Path,
    games: Games,
    evaluate: Evaluate,
    student: Student,
    budget: Budget,
    dialogue: Dialogue,
) -> Iterator[Trajectory]:
    """A model's answers, in the order of the questions."""
    net, processor = load(folder, student.dtype)
    player = Player(net.eval(), processor, budget, evaluate.turn_tokens, evaluate.batch, dialogue)
    for attempt in track(player.play(games), author, total=len(games)):
        yield judged(author, attempt.question, attempt.messages, attempt.viewing, dialogue)


def floors(
    games: Games,
    clips: dict[str, Clip],
    said: dict[str, list[Caption]],
    known: Prior,
    budget: Budget,
) -> dict[str, list[Trajectory]]:
    """The answers of the floors that need no model."""
    how = budget, known.dialogue
    return {
        author: [
            _floor(author, q, answer(q, clips[q.clip], said.get(q.clip, []), known), frames, *how)
            for q, frames in games
        ]
        for author, answer in FLOORS.items()
    }


def _floor(
    author: str, question: Question, said: str, frames: Reel, budget: Budget, dialogue: Dialogue
) -> Trajectory:
    text = thinking("-", said) if dialogue.thinks else said
    turn = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    messages = [*asked(question, dialogue=dialogue), turn]
    return judged(author, question, messages, Viewing(frames, budget), dialogue)


def blank(games: Games) -> Games:
    """The same questions over black pictures: what the words alone give away."""

    def black(times: Sequence[float], like: Reel) -> list[Image]:
        size = like.fetch(times[:1])[0].size
        return [new("RGB", size) for _ in times]

    return [(q, replace(r, fetch=lambda times, r=r: black(times, r))) for q, r in games]


if __name__ == "__main__":
    run(main)
