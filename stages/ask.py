"""Ask questions about clips, with their truths and a split decided by the match."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from random import Random

from touchline.clock import spoken
from touchline.faults import BadInput
from touchline.ledger import Ledger
from touchline.prompts import render
from touchline.records import Caption, Clip, Label, Question, grouped, read, write
from touchline.stage import Params, run
from touchline.tasks import TASKS
from touchline.tasks.scene import Scene, scene
from touchline.tasks.task import Draft, Rules

SPLITS = ("train", "val", "test")


class Ask(Params):
    seed: int
    shares: dict[str, float]  # of the matches of each sport, by split
    interval: float  # seconds
    negatives: float
    commentary: bool


def main(
    ask: Ask, manifest: Path, clips: Path, captions: Path, questions: Path
) -> dict[str, float]:
    _check(ask)
    every = read(clips / "clips.parquet", Clip)
    labels = grouped(read(manifest / "labels.parquet", Label), "video")
    lines = grouped(read(captions / "captions.parquet", Caption), "clip")
    splits = split_by_match(every, ask)
    ledger = Ledger(clip.id for clip in every)
    asked: list[Question] = []
    for clip in every:
        split = splits[clip.sport, clip.match]
        if clip.overlaps and split != "train":
            ledger.drop(clip.id, "overlaps the clip before it: for training only")
            continue
        new = _questions(scene(clip, labels[clip.video]), ask, split, lines[clip.id])
        asked.extend(new)
        if new:
            ledger.split(clip.id, f"{len(new)} questions")
        else:
            ledger.drop(clip.id, "no task has anything to ask here")
    write(questions / "questions.parquet", Question, asked)
    counts = {f"questions.{s}": sum(q.split == s for q in asked) for s in SPLITS}
    return {**ledger.close(questions / "ledger.parquet"), **counts}


def _check(ask: Ask) -> None:
    if set(ask.shares) != set(SPLITS) or abs(sum(ask.shares.values()) - 1) > 1e-9:
        raise BadInput("ask.shares", f"{ask.shares} is no split", f"give {SPLITS} that add up to 1")
    if not 0 <= ask.negatives < 1:
        raise BadInput("ask.negatives", f"{ask.negatives} is no share", "give one in [0, 1)")
    if ask.interval < 2:
        wrong = f"{ask.interval:g} s may vanish in an answer of whole seconds"
        raise BadInput("ask.interval", wrong, "give 2 or more")


def split_by_match(clips: Iterable[Clip], ask: Ask) -> dict[tuple[str, str], str]:
    """(sport, match) -> split: matches in the order of a seeded hash, cut by the shares.

    With two matches or more of a sport, train and test get one each at least.
    """
    matches = grouped({(c.sport, c.match): c for c in clips}.values(), "sport")
    splits = {}
    for sport, found in matches.items():
        names = sorted((c.match for c in found), key=lambda match: _hash(ask.seed, match))
        test = max(round(ask.shares["test"] * len(names)), min(1, len(names) - 1))
        val = min(round(ask.shares["val"] * len(names)), max(0, len(names) - test - 1))
        cut = ["test"] * test + ["val"] * val + ["train"] * len(names)
        splits |= {(sport, name): split for name, split in zip(names, cut, strict=False)}
    return splits


def _questions(scene: Scene, ask: Ask, split: str, lines: list[Caption]) -> list[Question]:
    rules = Rules(ask.interval, ask.negatives)
    drafts = [
        (task.name, draft)
        for task in TASKS.values()
        for draft in task.ask(scene, rules, Random(_hash(ask.seed, f"{task.name} {scene.clip.id}")))
    ]
    heard = _commentary(lines) if ask.commentary else ""
    return [
        _question(scene.clip, split, name, draft, heard, i)
        for i, (name, draft) in enumerate(drafts)
    ]


def _question(clip: Clip, split: str, task: str, draft: Draft, heard: str, number: int) -> Question:
    return Question(
        id=f"{clip.id}?{number}-{task}",
        clip=clip.id,
        video=clip.video,
        source=clip.source,
        sport=clip.sport,
        match=clip.match,
        split=split,
        task=task,
        action=draft.action,
        text=f"{heard}{draft.text}",
        options=list(draft.options),
        truth=draft.truth,
        evidence=[time for span in draft.evidence for time in span],
    )


def _commentary(lines: list[Caption]) -> str:
    said = [f"{spoken(int(line.start))}-{spoken(int(line.end))} {line.text}" for line in lines]
    return render("commentary", lines="\n".join(said)) + "\n" if said else ""


def _hash(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")


if __name__ == "__main__":
    run(main)
