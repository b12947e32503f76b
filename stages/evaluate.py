"""Ask base, SFT and RL the test questions, put them beside honest floors, and write the report."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image, new

from touchline.faults import BadInput
from touchline.floors import FLOORS, Prior, prior
from touchline.metrics import scores
from touchline.products import whole_folder
from touchline.progress import track
from touchline.records import Caption, Clip, Question, Trajectory, by_id, grouped, read, write
from touchline.report.page import write_report
from touchline.stage import Params, run
from touchline.student.conversation import asked, judged, reel
from touchline.student.load import Student, load, settle
from touchline.student.rollout import Player
from touchline.tasks.spotting import intervals
from touchline.tools.choose_frames import Budget, Reel, Viewing
from touchline.video.store import FrameStore

Games = list[tuple[Question, Reel]]


class Evaluate(Params):
    seed: int  # of the bootstrap
    theta: float  # temporal IoU above which an interval counts
    interval: float  # seconds a floor gives to one action
    batch: int
    turn_tokens: int


def main(
    evaluate: Evaluate,
    student: Student,
    budget: Budget,
    clips: Path,
    captions: Path,
    questions: Path,
    frames: Path,
    base: Path,
    sft: Path,
    rl: Path,
    answers: Path,
    report: Path,
) -> dict[str, Any]:
    every = by_id(read(questions / "questions.parquet", Question))
    test = [q for q in every.values() if q.split == "test"]
    if not test:
        raise BadInput(questions, "no question is in the test split", "raise ask.shares.test")
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    store = FrameStore(frames)
    games = [(q, reel(store, by_clip[q.clip], budget)) for q in test]
    settle(evaluate.seed, student.threads)

    rows = floors(
        games,
        by_clip,
        grouped(read(captions / "captions.parquet", Caption), "clip"),
        prior(every.values(), evaluate.interval),
        budget,
    )
    for author, folder, seen in (
        ("floor.blank", sft, blank(games)),
        ("base", base, games),
        ("sft", sft, games),
        ("rl", rl, games),
    ):
        rows[author] = list(attempts(author, folder, seen, evaluate, student, budget))

    measured = scores.report(rows, every, scores.Judge(intervals, evaluate.theta, evaluate.seed))
    with whole_folder(answers) as draft:
        write(
            draft / "answers.parquet", Trajectory, [row for given in rows.values() for row in given]
        )
    with whole_folder(report) as draft:
        write_report(
            draft / "report.html",
            questions=every,
            clips=by_clip,
            answers=rows,
            scores=measured,
            frames=lambda clip, time: store.images(clip.video, [clip.start + time])[0],
            logs={"sft": logged(sft), "rl": logged(rl)},
            about=about(test, evaluate, student, budget),
        )
    return measured


def logged(model: Path) -> list[dict[str, Any]]:
    """The numbers a training wrote down, step by step."""
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def about(
    test: list[Question], evaluate: Evaluate, student: Student, budget: Budget
) -> dict[str, dict[str, Any]]:
    """What the page says about how its numbers came to be."""
    return {
        "Questions": {
            "asked": len(test),
            "of matches": len({(q.sport, q.match) for q in test}),
            "sources": ", ".join(sorted({q.source for q in test})),
        },
        "Student": student.model_dump(exclude={"tiny"}),
        "Frames a model may see": budget.model_dump(),
        "Evaluation": evaluate.model_dump(),
    }


def attempts(
    author: str, folder: Path, games: Games, evaluate: Evaluate, student: Student, budget: Budget
) -> Iterator[Trajectory]:
    """A model's answers, in the order of the questions."""
    net, processor = load(folder, student.dtype)
    player = Player(net.eval(), processor, budget, evaluate.turn_tokens, evaluate.batch)
    for attempt in track(player.play(games), author, total=len(games)):
        yield judged(author, attempt.question, attempt.messages, attempt.viewing)


def floors(
    games: Games,
    clips: dict[str, Clip],
    said: dict[str, list[Caption]],
    known: Prior,
    budget: Budget,
) -> dict[str, list[Trajectory]]:
    """The answers of the floors that need no model."""
    return {
        author: [
            _floor(author, q, answer(q, clips[q.clip], said.get(q.clip, []), known), frames, budget)
            for q, frames in games
        ]
        for author, answer in FLOORS.items()
    }


def _floor(author: str, question: Question, said: str, frames: Reel, budget: Budget) -> Trajectory:
    turn = {
        "role": "assistant",
        "content": [{"type": "text", "text": f"<think>\n-\n</think>\n\n{said}"}],
    }
    return judged(author, question, [*asked(question), turn], Viewing(frames, budget))


def blank(games: Games) -> Games:
    """The same questions over black pictures: what the words alone give away."""

    def black(times: Sequence[float], like: Reel) -> list[Image]:
        size = like.fetch(times[:1])[0].size
        return [new("RGB", size) for _ in times]

    return [(q, Reel(r.times, lambda times, r=r: black(times, r))) for q, r in games]


if __name__ == "__main__":
    run(main)
