"""By what an answer is known again: the digest of all that decides it.

Weights, sampling, question, words around it, budget, and the bytes of every frame of the clip that
may be shown, those of the tool included; and our own code that asks and reads calls, so that a
change of it asks anew. The truth is not in it: it decides the score, which is never kept. Nor are
batch and device, which move a last digit of a sum at most.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from touchline.chat.prompts import words
from touchline.evaluation.candidates.candidate import Candidate, Game, Setting
from touchline.evaluation.test_set import Bench

ROOM = Path(__file__).parents[1]
CODE = (
    "candidates/*.py", "chat/messages.py", "model/load.py", "model/processor.py",
    "model/generate.py", "chat/messages.py", "tools/*.py", "dialogue.py", "clock.py",
    "commentary.py", "video/frame_store.py",
)  # fmt: skip
PACKAGES = ("torch", "transformers", "trl", "pillow")


def keys(candidate: Candidate, games: Sequence[Game], bench: Bench, setting: Setting) -> list[str]:
    """The key of each game's answer; nothing is decoded or generated for it."""
    common = [_code(), candidate.kind, candidate.identity(setting), _setting(setting)]
    start = hashlib.sha256(_plain(common))
    return [_key(start.copy(), _game(candidate, game, bench)) for game in games]


def _key(start: Any, game: list[Any]) -> str:
    start.update(_plain(game))
    return start.hexdigest()


def _setting(setting: Setting) -> list[Any]:
    prompts = [words(setting.dialogue.prompt("instructions")), words("listening")]
    return [setting.budget.model_dump(), setting.dialogue.model_dump(), *prompts]


def _game(candidate: Candidate, game: Game, bench: Bench) -> list[Any]:
    """What differs from question to question, of what this candidate perceives."""
    asked = [game.question.text, game.reel.zero, game.clip.end - game.clip.start]
    if candidate.senses == "frames":
        return [*asked, bench.pixels(game.clip)]
    lines = [dataclasses.astuple(line)[2:5] for line in game.lines]
    return [*asked, lines]


@cache
def _code() -> str:
    """The digest of the code that asks, and the versions of the libraries below it."""
    found = hashlib.sha256(repr([(name, version(name)) for name in PACKAGES]).encode())
    for pattern in CODE:
        for path in sorted(ROOM.glob(pattern)):
            found.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _plain(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
