"""A rollout plays again from its row, and whatever was changed since is found."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.frames import stored
from tests.stages.training import world
from tests.train.conftest import BUDGET, Kit, Taught, rl, scripted
from touchline.chat.messages import load_frames_by_clip
from touchline.chat.tools.choose_frames import format_tool_call
from touchline.chat.turns import format_thinking_turn
from touchline.errors import InputError
from touchline.records.rollout import Rollout
from touchline.records.table import read_records, write_records
from touchline.train.rl.replay import (
    REPLAY_RULES_FILE,
    ReplayRules,
    ReplayVerdict,
    compare_replayed_rollout,
    load_replay_setup,
    print_replay,
    replay_rollouts,
    write_replay_rules,
)
from touchline.train.rl.reward_fn import read_step_rollouts
from touchline.video.frame_store import FrameStore, get_frame_store_path

LOOK = format_thinking_turn("I look.", format_tool_call(0, 9))


def of_calls(kit: Kit, calls: int) -> Taught:
    return next(t for t in kit.taught if len(t.trajectory.windows) == 2 * calls)


def odd(call: str) -> str:
    return format_thinking_turn("I look.", f"<tool_call>\n{call}\n</tool_call>")


OTHER = odd('{"name": "zoom", "arguments": {}}')
PADDED = format_thinking_turn(
    "I<|endoftext|> look on.", "so."
)  # the trainer's generation goes on behind it
FIRST = [LOOK, LOOK, odd('{"name": "choose_frames"}'), odd("{no"), OTHER, PADDED]  # one answers


@pytest.fixture(scope="module")
def made(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One step of the trainer of RL over given turns, as a finished run leaves it."""
    root = tmp_path_factory.mktemp("replay")
    taught = of_calls(kit, 1)
    world(root, [taught])
    shown = load_frames_by_clip(FrameStore(root / "frames"), root / "clips", BUDGET)
    real = replace(taught, reel=shown[taught.question.clip])
    right = format_thinking_turn("So.", taught.question.truth)
    turns = [[*FIRST, right], LOOK, format_thinking_turn("More.", format_tool_call(20, 29)), right]
    size = len(FIRST) + 1
    more = {"per_device_train_batch_size": size, "num_generations": size}
    params = rl(trainer=rl().trainer | more | {"max_completion_length": 600})
    trainer = scripted(kit, kit.net, real, turns, root / "run", params)
    trainer._generate_and_score_completions([dict(trainer.train_dataset[0])] * size)
    kit.processor.save_pretrained(root / "rl")
    write_records(
        root / "rl/rollouts.parquet", Rollout, read_step_rollouts(root / "run/rollouts", 1)
    )
    rules = ReplayRules(budget=BUDGET, reward=params.reward, turn_tokens=500)
    write_replay_rules(root / "rl" / REPLAY_RULES_FILE, rules)
    return root


def file(root: Path) -> Path:
    return root / "rl/rollouts.parquet"


def test_every_rollout_plays_again_with_the_same_frames_tokens_and_reward(made: Path):
    rows = read_records(file(made), Rollout)
    assert {row.ending for row in rows} > {"direct", "bad_call"}
    assert any(len(row.windows) == 4 for row in rows)
    verdicts = list(replay_rollouts(file(made), made))
    assert verdicts == [ReplayVerdict(row.id, True, True, True, "") for row in rows]


def test_one_rollout_is_replayed_by_its_id(made: Path, capsys: pytest.CaptureFixture):
    assert print_replay(file(made), made, "rl:0:1") == 0
    said = capsys.readouterr().out
    assert said == "rl:0:1: same frames, tokens and reward\n1 of 1 rollouts play as they did\n"
    with pytest.raises(InputError, match="rl:9:9: no rollout has this id"):
        print_replay(file(made), made, "rl:9:9")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shown": ["0" * 32]}, "frame 0 is another picture"),
        ({"earned": 7.0}, "it earned 7 and was paid"),
        ({"paid": 7.0}, "was paid 7"),
        ({"parts": '{"accuracy": 9}'}, "it earned"),
        ({"answer": "another"}, "answer differs"),
        ({"windows": [1.0, 2.0]}, "windows differs"),
    ],
)
def test_what_was_changed_in_a_row_is_named(
    made: Path, tmp_path: Path, change: dict[str, Any], says: str, capsys: pytest.CaptureFixture
):
    rows = read_records(file(made), Rollout)
    rows[0] = replace(rows[0], **change)
    forged = tmp_path / "rl/rollouts.parquet"
    write_records(forged, Rollout, rows[:1])
    for one in (made / "rl").iterdir():
        if one.suffix != ".parquet":
            shutil.copy(one, forged.parent)
    assert print_replay(forged, made) == 1
    assert says in capsys.readouterr().out


def test_tokens_that_the_tool_would_not_have_written_are_found(made: Path):
    rows = read_records(file(made), Rollout)
    stage, row = load_replay_setup(file(made), made), next(row for row in rows if row.windows)
    pad = stage.processor.image_token_id
    forged = replace(row, tokens=[token for token in row.tokens if token != pad])
    twin, same = stage.replay_rollout(forged)
    assert not same
    assert (
        "tokens"
        in compare_replayed_rollout(replace(forged, shown=twin.shown), twin, same, row.paid).wrong
    )


def test_a_changed_frame_store_is_found(made: Path, tmp_path: Path):
    import shutil

    here = tmp_path / "other"
    for name in ("questions", "clips", "frames"):
        shutil.copytree(made / name, here / name)
    (question,) = {row.question for row in read_records(file(made), Rollout)}
    video = question.split("@")[0]
    stored(get_frame_store_path(here / "frames", video), seconds=170, shade=1)
    verdicts = list(replay_rollouts(file(made), here))
    assert verdicts and not any(one.frames for one in verdicts)
    assert all(one.wrong.startswith("frame 0 is another picture") for one in verdicts)


def test_rollouts_without_their_rules_are_refused_in_words(made: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"rollouts.parquet: is missing"):
        list(replay_rollouts(tmp_path / "rollouts.parquet", made))
    alone = tmp_path / "rollouts.parquet"
    alone.write_bytes(file(made).read_bytes())
    with pytest.raises(InputError, match=r"replay.json: is missing; run the stage rl again"):
        list(replay_rollouts(alone, made))
