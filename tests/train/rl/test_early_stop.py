"""RL ends early where it cannot teach, says why, and keeps what it has."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from touchline.errors import InputError
from touchline.records.rollout import Rollout
from touchline.records.table import write_records
from touchline.train.rl.early_stop import (
    StepCounts,
    StopHopelessRlCallback,
    StopLimits,
    count_step_rollouts,
    find_stop_reason,
    load_step_counts,
)

LIMITS = StopLimits(steps=3, format=0.1, calls=0.2, silent=4)


def step(number: int, **changes: Any) -> StepCounts:
    given = {"rollouts": 10, "valid": 9, "calls_tried": 8, "calls_answered": 8, "silent": False}
    return StepCounts(step=number, **given | changes)


def steps(count: int, **changes: Any) -> list[StepCounts]:
    return [step(number, **changes) for number in range(count)]


def test_a_student_that_does_its_work_is_left_alone():
    assert find_stop_reason(steps(9), LIMITS) == ""
    assert find_stop_reason([], LIMITS) == ""


def test_a_student_without_valid_turns_is_stopped_once_that_is_sure():
    assert find_stop_reason(steps(2, valid=0), LIMITS) == ""
    assert (
        find_stop_reason(steps(3, valid=0), LIMITS)
        == "0 of 30 rollouts over the last 3 steps keep the format"
    )
    assert find_stop_reason([*steps(2, valid=0), step(2, valid=3)], LIMITS) == ""


def test_a_student_whose_calls_cannot_be_answered_is_stopped():
    said = "3 of 24 calls over the last 3 steps could be answered"
    assert find_stop_reason(steps(3, calls_answered=1), LIMITS) == said
    assert (
        find_stop_reason(steps(3, calls_tried=0, calls_answered=0), LIMITS) == ""
    )  # it need not call
    assert (
        find_stop_reason(
            [*steps(2, calls_tried=0, calls_answered=0), step(2, calls_tried=1, calls_answered=0)],
            LIMITS,
        )
        == ""
    )


def test_steps_in_a_row_without_signal_stop_training_unless_told_not_to():
    quiet = steps(4, silent=True)
    said = "4 steps in a row had no group in which one attempt beat another"
    assert find_stop_reason(quiet, LIMITS) == said
    assert find_stop_reason([*quiet[:3], step(3)], LIMITS) == ""
    assert find_stop_reason(quiet, LIMITS.model_copy(update={"silent": 0})) == ""


def rollout(
    number: int, group: int, paid: float, turns: tuple[str, ...], **changes: Any
) -> Rollout:
    messages = [{"role": "assistant", "content": [{"type": "text", "text": t}]} for t in turns]
    given: dict[str, Any] = {
        "id": f"rl:0:{number}", "question": "q", "author": "rl", "split": "train", "sport": "s",
        "task": "t", "match": "m", "messages": json.dumps(messages), "answer": "", "score": 0.0,
        "valid": True, "windows": [], "frames": 8, "step": 0, "group": group, "tokens": [],
        "shown": [], "ending": "direct", "direct": False, "parts": "{}", "earned": paid,
        "paid": paid,
    }  # fmt: skip
    return Rollout(**given | changes)


def test_a_step_is_counted_from_its_rows(tmp_path: Path):
    rows = [
        rollout(0, 0, 1.0, ("<tool_call>x</tool_call>", "yes"), windows=[0.0, 9.0]),
        rollout(1, 0, 1.0, ("<tool_call>x</tool_call>", "no"), valid=False),
        rollout(2, 1, 0.5, ("yes",)),
        rollout(3, 1, 0.5, ("no",)),
    ]
    assert count_step_rollouts(rows) == StepCounts(0, 4, 3, 2, 1, True)
    rows[3] = rollout(3, 1, 0.6, ("no",))
    assert not count_step_rollouts(rows).silent
    write_records(tmp_path / "step-00000000.parquet", Rollout, rows)
    assert load_step_counts(tmp_path, 3) == [count_step_rollouts(rows)]


def test_stopping_keeps_a_checkpoint_and_a_resumed_training_stops_at_once(tmp_path: Path):
    reward: Any = SimpleNamespace(recent=steps(3, valid=0), folder=tmp_path)
    stop, control = StopHopelessRlCallback(reward, LIMITS), SimpleNamespace()
    stop.raise_if_stopped(2)  # nothing is known yet
    stop.on_step_end(None, None, control)
    assert control.should_save and control.should_training_stop
    with pytest.raises(InputError, match=r"rl stopped at step 3: 0 of 30 rollouts .* rl.stop"):
        stop.raise_if_stopped(3)
    for number in range(3):
        row = rollout(0, 0, 0.0, ("no",), valid=False, step=number)
        write_records(tmp_path / f"step-{number:08d}.parquet", Rollout, [row])
    again = StopHopelessRlCallback(reward, LIMITS)
    again.resume_at(2)
    with pytest.raises(InputError, match="0 of 3 rollouts over the last 3 steps keep the format"):
        again.resume_at(3)
