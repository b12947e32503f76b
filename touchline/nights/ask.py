"""Ask one candidate the benchmark: a process of its own, so that no flow ever loads torch.

`python -m touchline.nights.ask --benchmark FOLDER --answers FILE [--model FOLDER]`; without a
model the floors answer. A killed one goes on behind its last whole batch.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from touchline.faults import BadInput
from touchline.floors import FLOORS, prior
from touchline.nights import kept
from touchline.nights.benchmark import Benchmark
from touchline.progress import Progress
from touchline.records import Question, Trajectory
from touchline.stage import section
from touchline.student.conversation import asked, judged, reel
from touchline.tools.choose_frames import Reel, Viewing
from touchline.tools.turns import thinking
from touchline.video.store import FrameStore

MODEL, BLANK = "model", "floor.blank"  # authors: the candidate, and itself on black frames
Games = list[tuple[Question, Reel]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("benchmark", "answers"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args(argv)
    try:
        ask(Benchmark(args.benchmark), args.model, args.answers)
    except BadInput as fault:
        sys.exit(f"error: {fault}")


def ask(benchmark: Benchmark, model: Path | None, file: Path) -> None:
    """Write the answers of a model, or of all floors that need none."""
    if file.is_file():
        return
    games = _games(benchmark)
    if model is None:
        kept.close(file, list(_floors(benchmark, games)))
        return
    done = kept.resumed(file)
    todo = [(MODEL, *game) for game in games] + [(BLANK, q, _black(r)) for q, r in games]
    with Progress("answers", len(todo)) as progress:
        progress.start_at(len(done))
        for rows in _batches(benchmark, model, todo, len(done)):
            kept.append(file, rows)
            done += rows
            progress.to(len(done))
    kept.close(file, done)


def _games(benchmark: Benchmark) -> Games:
    store = FrameStore(benchmark.folder / "frames")
    how = benchmark.budget, benchmark.dialogue
    return [(q, reel(store, benchmark.clips[q.clip], *how)) for q in benchmark.test]


def _batches(
    benchmark: Benchmark, model: Path, todo: list[tuple[str, Question, Reel]], done: int
) -> Iterator[list[Trajectory]]:
    """The rows that are still missing, a batch at a time; the batches do not depend on `done`."""
    if done == len(todo):
        return
    player = _player(benchmark, model)
    size = benchmark.evaluate["batch"]
    for at in range(done // size * size, len(todo), size):
        part = todo[at : at + size]
        attempts = player.play([(question, seen) for _, question, seen in part])
        rows = [
            judged(author, one.question, one.messages, one.viewing, benchmark.dialogue)
            for (author, _, _), one in zip(part, attempts, strict=True)
        ]
        yield rows[max(0, done - at) :]


def _player(benchmark: Benchmark, model: Path) -> Any:
    from touchline.student.load import Student, load, settle
    from touchline.student.rollout import Player

    student = section(Student, "student", benchmark.folder / "params.yaml")
    settle(benchmark.evaluate["seed"], student.threads)
    try:  # the border to a file that somebody else wrote
        net, processor = load(model, student.dtype)
    except BadInput:
        raise
    except Exception as error:
        wrong = f"cannot be loaded ({' '.join(str(error).split())[:200]})"
        raise BadInput(model.name, wrong, "rerun the run that made it") from error
    how = benchmark.evaluate["turn_tokens"], benchmark.evaluate["batch"], benchmark.dialogue
    return Player(net.eval(), processor, benchmark.budget, *how)


def _floors(benchmark: Benchmark, games: Games) -> Iterator[Trajectory]:
    dialogue = benchmark.dialogue
    known = prior(benchmark.every.values(), benchmark.evaluate["interval"], dialogue)
    for author, answer in FLOORS.items():
        for question, seen in games:
            clip, lines = benchmark.clips[question.clip], benchmark.captions.get(question.clip, [])
            said = answer(question, clip, lines, known)
            text = thinking("-", said) if dialogue.thinks else said
            turn = {"role": "assistant", "content": [{"type": "text", "text": text}]}
            messages = [*asked(question, dialogue=dialogue), turn]
            yield judged(author, question, messages, Viewing(seen, benchmark.budget), dialogue)


def _black(seen: Reel) -> Reel:
    """The same times, nothing to see."""
    from PIL import Image

    def fetch(times: Sequence[float]) -> list:
        size = seen.fetch(times[:1])[0].size
        return [Image.new("RGB", size) for _ in times]

    return replace(seen, fetch=fetch)


if __name__ == "__main__":
    main()
