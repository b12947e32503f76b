"""Run a trajectory's calls again: today's frames must be those that the teacher saw."""

import hashlib
import json
from collections.abc import Sequence

from touchline.records import Trajectory
from touchline.student.conversation import assistant_turns
from touchline.tools.choose_frames import Blocks, Budget, Reel, Viewing, read_call


def digest(blocks: Blocks, reel: Reel) -> str:
    """sha256 of times and pixels of the pictures among the blocks."""
    times = [block["time"] for block in blocks if block["type"] == "image"]
    found = hashlib.sha256()
    for time, picture in zip(times, reel.fetch(times) if times else [], strict=True):
        found.update(f"{time!r} {picture.size} {picture.mode} ".encode())
        found.update(picture.tobytes())
    return found.hexdigest()


def replayed(trajectory: Trajectory, reel: Reel, budget: Budget) -> list[str]:
    """The digests of the frames with the question and of each call, as they are today."""
    viewing = Viewing(reel, budget)
    shown = [viewing.open()]
    for turn in assistant_turns(json.loads(trajectory.messages)):
        call = read_call(turn)
        if call is not None:
            shown.append(viewing.call(*call))
    return [digest(blocks, reel) for blocks in shown]


def differs(before: Sequence[str], now: Sequence[str]) -> str:
    """What is different, in words; "" for nothing."""
    if list(before) == list(now):
        return ""
    place = next(
        (i for i, pair in enumerate(zip(before, now, strict=False)) if len(set(pair)) > 1), -1
    )
    where = "the frames with the question" if place == 0 else f"the frames of call {place}"
    return f"{where} are others when replayed" if place >= 0 else "other calls when replayed"
