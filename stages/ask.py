"""Stage: generate questions with true answers from labels, and assign each match to a split."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Literal

from touchline import licence
from touchline.atomic import atomic_folder
from touchline.chat.commentary import format_commentary
from touchline.chat.dialogue import Dialogue
from touchline.chat.llava_samples import write_llava_samples
from touchline.checks.duplicate_matches.by_name import find_duplicates_by_name
from touchline.checks.duplicate_matches.by_picture import find_duplicates_by_picture
from touchline.checks.duplicate_matches.groups import (
    DuplicateMatch,
    MatchKey,
    extend_splits_to_duplicates,
    find_group_leaders,
)
from touchline.config import Params, run_stage
from touchline.errors import InputError
from touchline.ledger import RowLedger
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.match_split import StatedSplit
from touchline.records.question import Question
from touchline.records.table import group_by_field, read_records, write_records
from touchline.tasks import TASKS
from touchline.tasks.scene import ClipScene, build_clip_scene
from touchline.tasks.task import QuestionDraft, QuestionRules
from touchline.video.workers import open_worker_pool

SPLITS = ("train", "val", "test")


class AskParams(Params):
    """Params section `ask`."""

    seed: int
    shares: dict[str, float]  # of the matches of each sport, by split
    splits: Literal["drawn", "stated"]  # a split that the source states goes before a drawn one
    tasks: list[str]  # that are asked
    interval: float  # seconds
    negatives: float
    commentary: bool


def main(
    ask: AskParams,
    dialogue: Dialogue,
    manifest: Path,
    clips: Path,
    captions: Path,
    frames: Path,
    questions: Path,
) -> dict[str, float]:
    """Write questions.parquet, each question with its truth and split, to `questions`. Returns the
    stage's metrics.
    """
    _check_params(ask)
    all_clips = read_records(clips / "clips.parquet", Clip)
    labels = group_by_field(read_records(manifest / "labels.parquet", Label), "video")
    captions_by_clip = group_by_field(read_records(captions / "captions.parquet", Caption), "clip")
    duplicates = find_duplicate_matches(all_clips, frames)
    splits = split_by_match(all_clips, ask, find_group_leaders(duplicates))
    if ask.splits == "stated":
        splits = apply_stated_splits(splits, manifest / "splits.parquet", duplicates)
    rules = QuestionRules(ask.interval, ask.negatives, dialogue)
    ledger = RowLedger(clip.id for clip in all_clips)
    all_questions: list[Question] = []
    for clip in all_clips:
        split = splits[clip.sport, clip.match]
        if clip.overlaps and split != "train":
            ledger.drop(clip.id, "overlaps the clip before it: for training only")
            continue
        if not labels[clip.video]:
            ledger.drop(clip.id, "nobody has labelled its video")
            continue
        clip_scene = build_clip_scene(clip, labels[clip.video])
        new = _build_clip_questions(clip_scene, ask, rules, split, captions_by_clip[clip.id])
        all_questions.extend(new)
        if new:
            ledger.split(clip.id, f"{len(new)} questions")
        else:
            ledger.drop(clip.id, "no task has anything to ask here")
    with atomic_folder(questions) as draft:
        write_records(draft / "questions.parquet", Question, all_questions)
        write_duplicate_matches(duplicates, draft / "doubles.json")
        totals = ledger.close(draft / "ledger.parquet")
        licence.write_product_terms(draft, licence.collect_source_terms(all_clips))
        if not dialogue.thinks:
            write_llava_samples(draft, all_questions)
    counts = {"matches": len(splits), "matches.doubled": len(find_group_leaders(duplicates))}
    return {
        **totals,
        **counts,
        **{f"questions.{s}": sum(q.split == s for q in all_questions) for s in SPLITS},
    }


def _check_params(ask: AskParams) -> None:
    if set(ask.shares) != set(SPLITS) or abs(sum(ask.shares.values()) - 1) > 1e-9:
        raise InputError(
            "ask.shares", f"{ask.shares} is not a split", f"give {SPLITS} that add up to 1"
        )
    if not 0 <= ask.negatives < 1:
        raise InputError("ask.negatives", f"{ask.negatives} is not a share", "give one in [0, 1)")
    unknown_tasks = [task for task in ask.tasks if task not in TASKS]
    if unknown_tasks or not ask.tasks:
        raise InputError("ask.tasks", f"{ask.tasks} are no tasks", f"choose among {list(TASKS)}")
    if ask.interval < 2:
        wrong = f"{ask.interval:g} s may vanish in an answer of whole seconds"
        raise InputError("ask.interval", wrong, "give 2 or more")


def find_duplicate_matches(clips: Sequence[Clip], frames: Path) -> list[DuplicateMatch]:
    """Pairs of matches that are the same match, found by teams and date or by their pictures."""
    matches = {(clip.sport, clip.match): None for clip in clips}
    match_of_video = {clip.video: (clip.sport, clip.match) for clip in clips if clip.frames}
    with open_worker_pool(1) as executor:
        return [
            *find_duplicates_by_name(matches),
            *find_duplicates_by_picture(frames, match_of_video, executor),
        ]


def write_duplicate_matches(duplicates: Sequence[DuplicateMatch], path: Path) -> None:
    """Write the pairs of duplicate matches and how they were found as JSON. Both of a pair get the
    same split.
    """
    path.write_text(json.dumps([duplicate._asdict() for duplicate in duplicates], indent=1) + "\n")


def split_by_match(
    clips: Iterable[Clip], ask: AskParams, leader_of: Mapping[MatchKey, MatchKey]
) -> dict[MatchKey, str]:
    """{(sport, match): split}: matches of a sport in the order of a seeded hash, cut by
    `ask.shares`.

    With two or more matches of a sport, train and test get at least one each. `leader_of` maps a
    duplicate to the match whose split it takes.
    """
    splits = {}
    all_matches = {(clip.sport, clip.match) for clip in clips}
    for sport in sorted({sport for sport, _ in all_matches}):
        sport_matches = [
            m for s, m in all_matches if s == sport and leader_of.get((s, m), (s, m)) == (s, m)
        ]
        names = sorted(sport_matches, key=lambda match: _seeded_hash(ask.seed, match))
        test = max(round(ask.shares["test"] * len(names)), min(1, len(names) - 1))
        val = min(round(ask.shares["val"] * len(names)), max(0, len(names) - test - 1))
        cut = ["test"] * test + ["val"] * val + ["train"] * len(names)
        splits |= {(sport, name): split for name, split in zip(names, cut, strict=False)}
    return splits | {match: splits[first] for match, first in leader_of.items()}


def apply_stated_splits(
    drawn_splits: Mapping[MatchKey, str], file: Path, duplicates: Sequence[DuplicateMatch]
) -> dict[MatchKey, str]:
    """The drawn splits, replaced by those that sources state (splits.parquet), also for duplicates.
    Raises InputError if no source states any.
    """
    if not file.is_file():
        remedy = "give the source its list of splits, or set ask.splits to drawn"
        raise InputError("ask.splits", "no source states a split", remedy)
    stated = {row.match: row.split for row in read_records(file, StatedSplit)}
    known_splits = {
        (sport, match): stated[match] for sport, match in drawn_splits if match in stated
    }
    return {**drawn_splits, **extend_splits_to_duplicates(known_splits, duplicates)}


def _build_clip_questions(
    scene: ClipScene, ask: AskParams, rules: QuestionRules, split: str, lines: list[Caption]
) -> list[Question]:
    drafts = [
        (task.name, draft)
        for task in TASKS.values()
        if task.name in ask.tasks
        for draft in task.ask(
            scene, rules, Random(_seeded_hash(ask.seed, f"{task.name} {scene.clip.id}"))
        )
    ]
    commentary_text = (
        format_commentary(lines, rules.dialogue, scene.clip) if ask.commentary and drafts else ""
    )
    return [
        _build_question(scene.clip, split, name, draft, commentary_text, i)
        for i, (name, draft) in enumerate(drafts)
    ]


def _build_question(
    clip: Clip, split: str, task: str, draft: QuestionDraft, commentary_text: str, number: int
) -> Question:
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
        text=f"{commentary_text}{draft.text}",
        options=list(draft.options),
        truth=draft.truth,
        evidence=[time for span in draft.evidence for time in span],
    )


def _seeded_hash(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")


if __name__ == "__main__":
    run_stage(main)
