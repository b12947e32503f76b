"""Ask questions about clips, with their truths and a split decided by the match."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Literal

from touchline import licence
from touchline.atomic import whole_folder
from touchline.chat.commentary import commentary
from touchline.chat.dialogue import Dialogue
from touchline.chat.llava_samples import write_samples
from touchline.checks.duplicate_matches.by_name import by_name
from touchline.checks.duplicate_matches.by_picture import by_picture
from touchline.checks.duplicate_matches.groups import Match, Same, leaders, together
from touchline.config import Params, run
from touchline.errors import InputError
from touchline.ledger import Ledger
from touchline.records import Caption, Clip, Label, Question, Stated, grouped, read, write
from touchline.tasks import TASKS
from touchline.tasks.scene import Scene, scene
from touchline.tasks.task import Draft, Rules
from touchline.video.workers import pool

SPLITS = ("train", "val", "test")


class Ask(Params):
    seed: int
    shares: dict[str, float]  # of the matches of each sport, by split
    splits: Literal["drawn", "stated"]  # a split that the source states goes before a drawn one
    tasks: list[str]  # that are asked
    interval: float  # seconds
    negatives: float
    commentary: bool


def main(
    ask: Ask,
    dialogue: Dialogue,
    manifest: Path,
    clips: Path,
    captions: Path,
    frames: Path,
    questions: Path,
) -> dict[str, float]:
    _check(ask)
    every = read(clips / "clips.parquet", Clip)
    labels = grouped(read(manifest / "labels.parquet", Label), "video")
    lines = grouped(read(captions / "captions.parquet", Caption), "clip")
    pairs = doubles(every, frames)
    splits = split_by_match(every, ask, leaders(pairs))
    if ask.splits == "stated":
        splits = overridden(splits, manifest / "splits.parquet", pairs)
    rules = Rules(ask.interval, ask.negatives, dialogue)
    ledger = Ledger(clip.id for clip in every)
    asked: list[Question] = []
    for clip in every:
        split = splits[clip.sport, clip.match]
        if clip.overlaps and split != "train":
            ledger.drop(clip.id, "overlaps the clip before it: for training only")
            continue
        if not labels[clip.video]:
            ledger.drop(clip.id, "nobody has labelled its video")
            continue
        view = scene(clip, labels[clip.video])
        new = _questions(view, ask, rules, split, lines[clip.id])
        asked.extend(new)
        if new:
            ledger.split(clip.id, f"{len(new)} questions")
        else:
            ledger.drop(clip.id, "no task has anything to ask here")
    with whole_folder(questions) as draft:
        write(draft / "questions.parquet", Question, asked)
        say(pairs, draft / "doubles.json")
        totals = ledger.close(draft / "ledger.parquet")
        licence.mark(draft, licence.of(every))
        if not dialogue.thinks:
            write_samples(draft, asked)
    counts = {"matches": len(splits), "matches.doubled": len(leaders(pairs))}
    return {
        **totals,
        **counts,
        **{f"questions.{s}": sum(q.split == s for q in asked) for s in SPLITS},
    }


def _check(ask: Ask) -> None:
    if set(ask.shares) != set(SPLITS) or abs(sum(ask.shares.values()) - 1) > 1e-9:
        raise InputError(
            "ask.shares", f"{ask.shares} is no split", f"give {SPLITS} that add up to 1"
        )
    if not 0 <= ask.negatives < 1:
        raise InputError("ask.negatives", f"{ask.negatives} is no share", "give one in [0, 1)")
    strange = [task for task in ask.tasks if task not in TASKS]
    if strange or not ask.tasks:
        raise InputError("ask.tasks", f"{ask.tasks} are no tasks", f"choose among {list(TASKS)}")
    if ask.interval < 2:
        wrong = f"{ask.interval:g} s may vanish in an answer of whole seconds"
        raise InputError("ask.interval", wrong, "give 2 or more")


def doubles(clips: Sequence[Clip], frames: Path) -> list[Same]:
    """Matches that are one and the same, by teams and day or by their pictures."""
    matches = {(clip.sport, clip.match): None for clip in clips}
    shown = {clip.video: (clip.sport, clip.match) for clip in clips if clip.frames}
    with pool(1) as executor:
        return [*by_name(matches), *by_picture(frames, shown, executor)]


def say(pairs: Sequence[Same], path: Path) -> None:
    """Write down which matches are one, and how one knows: they share a split."""
    path.write_text(json.dumps([pair._asdict() for pair in pairs], indent=1) + "\n")


def split_by_match(
    clips: Iterable[Clip], ask: Ask, same: Mapping[Match, Match]
) -> dict[Match, str]:
    """(sport, match) -> split: matches in the order of a seeded hash, cut by the shares.

    With two matches or more of a sport, train and test get one each at least. A match goes where
    the one goes that `same` says it is.
    """
    splits = {}
    every = {(clip.sport, clip.match) for clip in clips}
    for sport in sorted({sport for sport, _ in every}):
        found = [m for s, m in every if s == sport and same.get((s, m), (s, m)) == (s, m)]
        names = sorted(found, key=lambda match: _hash(ask.seed, match))
        test = max(round(ask.shares["test"] * len(names)), min(1, len(names) - 1))
        val = min(round(ask.shares["val"] * len(names)), max(0, len(names) - test - 1))
        cut = ["test"] * test + ["val"] * val + ["train"] * len(names)
        splits |= {(sport, name): split for name, split in zip(names, cut, strict=False)}
    return splits | {match: splits[first] for match, first in same.items()}


def overridden(drawn: Mapping[Match, str], file: Path, pairs: Sequence[Same]) -> dict[Match, str]:
    """The splits with those put in their place that a source states, for its doubles as well."""
    if not file.is_file():
        remedy = "give the source its list of splits, or set ask.splits to drawn"
        raise InputError("ask.splits", "no source states a split", remedy)
    stated = {row.match: row.split for row in read(file, Stated)}
    ours = {(sport, match): stated[match] for sport, match in drawn if match in stated}
    return {**drawn, **together(ours, pairs)}


def _questions(
    scene: Scene, ask: Ask, rules: Rules, split: str, lines: list[Caption]
) -> list[Question]:
    drafts = [
        (task.name, draft)
        for task in TASKS.values()
        if task.name in ask.tasks
        for draft in task.ask(scene, rules, Random(_hash(ask.seed, f"{task.name} {scene.clip.id}")))
    ]
    heard = commentary(lines, rules.dialogue, scene.clip) if ask.commentary and drafts else ""
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


def _hash(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")


if __name__ == "__main__":
    run(main)
