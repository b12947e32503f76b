"""Questions get their split from the match alone, and every clip has a fate."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from stages.ask import AskParams, main, split_by_match
from tests.frames import stored
from tests.world import clip_of, label
from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.errors import InputError
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.match_split import StatedSplit
from touchline.records.question import Question
from touchline.records.table import read_records, write_records
from touchline.tasks import TASKS
from touchline.video.frame_store import get_frame_store_path

SHARES = {"train": 0.7, "val": 0.05, "test": 0.25}


def ask(**changes) -> AskParams:
    given = {"seed": 7, "shares": SHARES, "interval": 12.0, "negatives": 0.5, "commentary": False}
    given |= {"splits": "drawn", "tasks": list(TASKS)}
    return AskParams(**(given | changes))


def clips_of(matches: int, sports: tuple[str, ...] = ("soccer", "badminton")) -> list[Clip]:
    return [
        clip_of(sport, str(match), start)
        for sport, match, start in product(sports, range(matches), (0.0, 60.0))
    ]


@pytest.mark.parametrize("matches", [2, 3, 5, 16, 40])
@pytest.mark.parametrize("seed", range(5))
def test_train_and_test_have_a_match_each_and_no_match_is_in_two_splits(matches: int, seed: int):
    splits = split_by_match(clips_of(matches), ask(seed=seed), {})
    for sport in ("soccer", "badminton"):
        found = [split for (name, _), split in splits.items() if name == sport]
        assert len(found) == matches
        assert {"train", "test"} <= set(found)
        for split, share in SHARES.items():
            assert abs(found.count(split) - share * matches) <= 1


def test_a_split_depends_on_seed_and_match_alone():
    forwards, backwards = clips_of(9), clips_of(9)[::-1]
    assert split_by_match(forwards, ask(), {}) == split_by_match(backwards, ask(), {})
    seeds = [str(sorted(split_by_match(forwards, ask(seed=s), {}).items())) for s in range(5)]
    assert len(set(seeds)) > 1


def test_a_single_match_is_for_training():
    assert set(split_by_match(clips_of(1), ask(), {}).values()) == {"train"}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    clips = clips_of(6, ("soccer", "badminton", "basketball"))
    late = [clip_of("soccer", str(match), 30) for match in range(6)]
    over = [replace(clip, overlaps=True) for clip in late]
    names = {"soccer": "Foul", "badminton": "Top stroke", "basketball": "Travelling"}
    labels = [
        replace(label(names[clip.sport], clip.start + 20), id=clip.id, video=clip.video)
        for clip in clips
    ]
    dives = [clip_of("diving", str(match)) for match in range(6)]
    clips += dives
    labels += [
        replace(label("", 0, 60), id=dive.id, video=dive.video, task="score", answer="72.50")
        for dive in dives
    ]
    lines = [Caption("l", clips[0].id, 3.2, 6.9, "A foul {action}!", "test")]
    write_records(tmp_path / "clips/clips.parquet", Clip, [*clips, *over])
    write_records(tmp_path / "manifest/labels.parquet", Label, labels)
    write_records(tmp_path / "captions/captions.parquet", Caption, lines)
    for clip in clips:
        stored(get_frame_store_path(tmp_path / "frames", clip.video), seconds=2)
    return tmp_path


def run(world: Path, given: AskParams, dialogue: Dialogue = DEFAULT_DIALOGUE) -> dict[str, float]:
    paths = [world / name for name in ("manifest", "clips", "captions", "frames", "out")]
    return main(given, dialogue, *paths)


def asked(world: Path, given: AskParams, dialogue: Dialogue = DEFAULT_DIALOGUE) -> list[Question]:
    run(world, given, dialogue)
    return read_records(world / "out/questions.parquet", Question)


def test_every_task_asks_and_every_truth_scores_one(world: Path):
    questions = asked(world, ask())
    assert {question.task for question in questions} == set(TASKS)
    assert len({question.id for question in questions}) == len(questions)
    assert all(TASKS[q.task].score(q.truth, q.truth) == 1 for q in questions)
    assert {question.split for question in questions if question.sport == "soccer"} >= {
        "train", "test",
    }  # fmt: skip


def test_overlapping_clips_are_asked_about_in_training_only(world: Path):
    every = {clip.id: clip for clip in read_records(world / "clips/clips.parquet", Clip)}
    questions = asked(world, ask())
    assert any(every[q.clip].overlaps for q in questions)
    assert all(q.split == "train" for q in questions if every[q.clip].overlaps)


def test_every_clip_has_a_fate(world: Path):
    counts = run(world, ask())
    assert counts["rows"] == counts["split"] + counts["dropped"] == 48
    assert counts["kept"] == 0


def test_equal_inputs_give_equal_bytes(world: Path):
    files = []
    for _ in range(2):
        asked(world, ask())
        files.append((world / "out/questions.parquet").read_bytes())
    assert files[0] == files[1]


def test_commentary_stands_before_the_question_only_when_asked_for(world: Path):
    first = clips_of(6)[0].id
    without = [q for q in asked(world, ask()) if q.clip == first]
    given = [q for q in asked(world, ask(commentary=True)) if q.clip == first]
    assert not any("A foul" in q.text for q in without)
    assert all(q.text.startswith("Commentary:\n0:03-0:06 A foul {action}!\n") for q in given)
    assert [q.truth for q in given] == [q.truth for q in without]


def test_doubles_share_a_split_and_count_as_one_match():
    first, *rest = [("soccer", f"soccer-{n}") for n in range(12)]
    same = {first: first, rest[4]: first, rest[7]: first}
    for seed in range(9):
        splits = split_by_match(clips_of(12), ask(seed=seed), same)
        assert len({splits[match] for match in same}) == 1
        single = [s for m, s in splits.items() if m[0] == "soccer" and m not in (rest[4], rest[7])]
        assert (len(single), single.count("test")) == (10, round(0.25 * 10))


def test_a_match_that_came_twice_is_written_down_and_asked_about_in_one_split(world: Path):
    clips = read_records(world / "clips/clips.parquet", Clip)
    names = {"soccer-0": "a/2030-01-05 - 20-45 Atl. Ilkley 1 - 0 Jarrow"}
    for number in range(1, 6):
        names[f"soccer-{number}"] = f"b/2030-01-05 Jarrow {number} v Atlético Ilkley {number}"
    renamed = [replace(clip, match=names.get(clip.match, clip.match)) for clip in clips]
    write_records(world / "clips/clips.parquet", Clip, renamed)
    questions = asked(world, ask())
    assert len({q.split for q in questions if q.match in names.values()}) == 1
    [pair, *_] = json.loads((world / "out/doubles.json").read_text())
    assert pair["why"] == "the same teams on the same day"


def test_a_stated_split_holds_for_a_double_and_two_that_contradict_are_refused(world: Path):
    clips = read_records(world / "clips/clips.parquet", Clip)
    names = {
        "soccer-0": "a/2030-01-05 Ilkley 1 - 0 Jarrow",
        "soccer-1": "b/20300105 Jarrow v Ilkley",
    }
    renamed = [replace(clip, match=names.get(clip.match, clip.match)) for clip in clips]
    write_records(world / "clips/clips.parquet", Clip, renamed)
    first, second = names.values()
    for split in ("train", "val", "test"):
        write_records(world / "manifest/splits.parquet", StatedSplit, [StatedSplit(first, split)])
        questions = asked(world, ask(splits="stated"))
        assert {q.split for q in questions if q.match in (first, second)} == {split}
    rows = [StatedSplit(first, "train"), StatedSplit(second, "test")]
    write_records(world / "manifest/splits.parquet", StatedSplit, rows)
    with pytest.raises(InputError, match=f"{second}: is test, but it is the same match as {first}"):
        asked(world, ask(splits="stated"))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"shares": {"train": 0.7, "test": 0.3}}, "shares"),
        ({"shares": SHARES | {"test": 0.5}}, "shares"),
        ({"negatives": 1.0}, "negatives"),
        ({"negatives": -0.1}, "negatives"),
        ({"interval": 0.5}, "interval"),
    ],
)
def test_senseless_settings_are_refused_by_name(world: Path, changes: dict, place: str):
    with pytest.raises(InputError, match=f"ask.{place}"):
        asked(world, ask(**changes))
