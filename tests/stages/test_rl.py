"""RL starts from the SFT model and leaves a plain model folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.test_sft import log, weights
from tests.stages.training import World, world
from tests.train.conftest import lessons
from touchline.chat.dialogue import Dialogue
from touchline.errors import InputError
from touchline.model.load import load_model_and_processor
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import read_records, write_records
from touchline.train.rl.replay import print_replay
from touchline.train.rl.trainer import VisionProofTrainer


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "one")
    made = world(tmp_path, lessons(1))
    made.sft(made.sft_params(0))
    return made


def rollouts(here: World) -> list[Rollout]:
    return read_records(here.root / "rl/rollouts.parquet", Rollout)


def test_no_steps_leave_the_sft_model_as_it_is(here: World):
    assert here.rl(0)["steps"] == 0
    assert weights(here.root / "rl") == weights(here.root / "sft")
    assert log(here.root / "rl") == []
    assert rollouts(here) == []
    load_model_and_processor(here.root / "rl", "float32")


def test_a_model_elsewhere_is_pointed_to_through_both_stages(here: World):
    before = weights(here.root / "base")
    (here.root / "base").rename(here.root / "elsewhere")
    here.sft(here.sft_params(0), student={"model": str(here.root / "elsewhere")})
    here.rl(0)
    for name in ("base", "sft", "rl"):
        assert not (here.root / name / "model.safetensors").exists()
    net, _ = load_model_and_processor(here.root / "rl", "float32")
    name = "model.language_model.norm.weight"
    assert net.state_dict()[name].tolist() == before[name]


def test_questions_without_frames_are_left_out_and_counted(here: World):
    every = here.rl(0)
    here.hide(2)
    measured = here.rl(0)
    assert 0 < measured["without_frames"] == every["questions"] - measured["questions"]
    here.hide(99)
    with pytest.raises(InputError, match="questions has frames; bring the videos themselves"):
        here.rl(0)


def test_a_dialogue_without_thoughts_has_nothing_to_reinforce(here: World):
    bare = Dialogue(style="spotting-paper", time="half", cut=False)
    assert here.rl(0, dialogue=bare)["steps"] == 0
    with pytest.raises(InputError, match=r"dialogue.style: spotting-paper has no thoughts"):
        here.rl(1, dialogue=bare)


def test_no_training_question_is_refused_in_words(here: World):
    write_records(here.root / "questions/questions.parquet", Question, [])
    with pytest.raises(InputError, match="no question is in the train split"):
        here.rl(1)


@pytest.mark.slow
def test_rl_writes_a_model_and_the_parts_of_its_reward(here: World):
    measured = here.rl(2)
    assert measured["steps"] == 2
    assert {"reward", "accuracy", "format", "tool_rate"} <= set(measured)
    assert len([entry for entry in log(here.root / "rl") if "reward" in entry]) == 2
    load_model_and_processor(here.root / "rl", "float32")


@pytest.mark.slow
def test_every_rollout_is_kept_and_a_resumed_training_keeps_the_same(here: World):
    here.rl(3)
    file = here.root / "rl/rollouts.parquet"
    whole = file.read_bytes()
    assert [row.step for row in rollouts(here)] == [0, 0, 1, 1, 2, 2]

    last = here.root / "checkpoints/rl/one/checkpoint-3"
    (last / "whole").unlink()  # as after a kill while the last checkpoint was written
    here.rl(3)
    assert file.read_bytes() == whole
    here.rl(3)  # nothing is left to train
    assert file.read_bytes() == whole


@pytest.mark.slow
def test_the_selective_reward_asks_the_model_before_it_trains(here: World):
    measured = here.rl(1, weights={"gated": 0.0, "selective": 1.0})
    assert 0 <= measured["direct"] <= measured["questions"]
    known = json.loads((here.root / "checkpoints/rl/one/direct.json").read_text())
    assert all(row.direct == (row.question in known) for row in rollouts(here))
    assert all(set(json.loads(row.parts)) == {"accuracy", "selective"} for row in rollouts(here))


def proof(here: World) -> dict:
    return json.loads((here.root / "rl/sight.json").read_text())


def test_a_training_of_no_steps_proves_nothing(here: World):
    here.rl(0)
    assert proof(here) == {
        "proved": False, "steps": 0, "rollouts": 0, "frames": 0, "unseen": 0, "least": 0.001,
        "checks": [],
    }  # fmt: skip


@pytest.mark.slow
def test_sight_is_proved_beside_the_model_and_every_rollout_plays_again(here: World):
    here.rl(2)
    found = proof(here)
    assert found["proved"] and found["steps"] == 2
    assert found["rollouts"] == len(rollouts(here)) == 4
    assert found["frames"] == sum(len(row.shown) for row in rollouts(here))
    (check,) = found["checks"]
    assert check["step"] == 0 and check["vision_used"] > found["least"] and check["kl"] == 0
    assert any("vision_used" in entry for entry in log(here.root / "rl"))
    assert print_replay(here.root / "rl/rollouts.parquet", here.root) == 0


@pytest.mark.slow
def test_the_proof_leaves_the_trained_weights_as_they_would_be(
    here: World, monkeypatch: pytest.MonkeyPatch
):
    from trl.trainer.grpo_trainer import GRPOTrainer

    here.rl(3)
    watched = weights(here.root / "rl")
    monkeypatch.setenv("TOUCHLINE_CHECKPOINT_KEY", "two")
    for hook in ("_compute_loss", "_generate_and_score_completions"):
        monkeypatch.setattr(VisionProofTrainer, hook, getattr(GRPOTrainer, hook))
    here.rl(3)
    assert not proof(here)["proved"]
    assert weights(here.root / "rl") == watched


@pytest.mark.slow
def test_a_student_without_a_valid_turn_stops_rl_and_leaves_no_model(here: World):
    stop = {"steps": 2, "format": 0.5, "calls": 0.0, "silent": 0}
    with pytest.raises(InputError, match="rl stopped at step 2: 0 of 4 rollouts"):
        here.rl(4, stop=stop)
    assert not (here.root / "rl").exists()
    assert (here.root / "checkpoints/rl/one/checkpoint-2/whole").is_file()
    with pytest.raises(InputError, match="rl stopped at step 2"):  # and not a step later
        here.rl(4, stop=stop)


@pytest.mark.slow
def test_two_processes_prove_their_sight_together(here: World):
    script = here.root / "two.py"
    script.write_text(TWO.format(root=str(here.root)))
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = proof(here)
    assert found["proved"] and found["steps"] == 2
    assert found["rollouts"] == len(rollouts(here)) == 8
    assert found["frames"] == sum(len(row.shown) for row in rollouts(here))


ROOT = Path(__file__).parents[2]
TWO = """
import sys
sys.path.insert(0, ".")
from pathlib import Path
from tests.stages.training import World
World(Path({root!r})).rl(2, processes=2)
"""
