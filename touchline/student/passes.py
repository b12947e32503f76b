"""How often the model is right at each question before RL: where attempts differ, RL can learn.

Groups whose answers are all alike have no advantage and cost as much as any other. DAPO (arXiv
2503.14476) samples again until a batch has none; here every question is tried once before training
(as Polaris and Skywork-OR1 do), which needs no change of TRL's sampler and can be resumed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from touchline.products import whole_file
from touchline.records import Question
from touchline.stage import Params
from touchline.student.conversation import judged
from touchline.student.ranks import first, gathered, share
from touchline.student.rollout import Player
from touchline.tools.choose_frames import Reel


class Prompts(Params):
    """Which questions RL is given."""

    attempts: int  # at each question before training; 0: no attempts, all questions
    least: float  # mean score of its attempts from which a question is taken
    most: float  # and up to which


def passes(
    player: Player, games: Sequence[tuple[Question, Reel]], attempts: int, seed: int, file: Path
) -> dict[str, float]:
    """Mean score of `attempts` sampled attempts, by question id; kept in `file` for a resumed run.

    Every process plays its share of the games. The random state is as it was before.
    """
    if not file.is_file():
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            mine = _tried(player, share(games), attempts)
        every = dict(sorted(gathered(mine)))
        if first():
            with whole_file(file) as draft:
                draft.write_text(json.dumps(every))
        return every
    return json.loads(file.read_text())


def _tried(
    player: Player, games: Sequence[tuple[Question, Reel]], attempts: int
) -> list[tuple[str, float]]:
    scores: dict[str, list[float]] = {question.id: [] for question, _ in games}
    for a in player.play([game for game in games for _ in range(attempts)]):
        row = judged("passes", a.question, a.messages, a.viewing)
        scores[row.question].append(row.score)
    return [(id, sum(found) / attempts) for id, found in scores.items()]


def between(passed: Mapping[str, float], prompts: Prompts) -> list[str]:
    """The ids of the questions to train on, in their order."""
    return [id for id, mean in passed.items() if prompts.least <= mean <= prompts.most]
