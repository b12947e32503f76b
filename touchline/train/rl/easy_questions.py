"""Which questions the model answers from the first frames alone, before RL has changed it."""

import json
from collections.abc import Sequence, Set
from pathlib import Path

from touchline.atomic import whole_file
from touchline.chat.messages import judged
from touchline.chat.tools.choose_frames import Reel
from touchline.model.generate import Player
from touchline.records import Question
from touchline.train.distributed import first, gathered, share


def direct(
    player: Player, games: Sequence[tuple[Question, Reel]], gate: float, file: Path
) -> Set[str]:
    """The ids of questions whose greedy answer reaches `gate`, kept in `file` for a resumed run.

    The player's budget should allow no call: one that is tried is refused in words, and the answer
    after it counts. Every process plays its share of the games.
    """
    if file.is_file():
        return set(json.loads(file.read_text()))
    attempts = list(player.play(share(games)))
    rows = [judged("direct", a.question, a.messages, a.viewing) for a in attempts]
    right = gathered([row.question for row in rows if row.score >= gate])
    if first():
        with whole_file(file) as draft:
            draft.write_text(json.dumps(right))
    return set(right)
