"""Find the questions that the model answers from the first frames alone, before RL."""

import json
from collections.abc import Sequence, Set
from pathlib import Path

from touchline.atomic import atomic_file
from touchline.chat.tools.choose_frames import ClipFrames
from touchline.model.generate import ConversationGenerator
from touchline.records.question import Question
from touchline.tasks.trajectory import build_trajectory
from touchline.train.distributed import gather_from_ranks, is_main_process, shard_for_rank


def find_easy_questions(
    player: ConversationGenerator,
    items: Sequence[tuple[Question, ClipFrames]],
    gate: float,
    file: Path,
) -> Set[str]:
    """The ids of questions whose greedy answer scores at least `gate`; cached in `file` (JSON) for
    resumed runs.

    The generator's budget should allow no tool calls: a call is refused in words and the answer
    after it counts. Every process answers its shard of the questions.
    """
    if file.is_file():
        return set(json.loads(file.read_text()))
    attempts = list(player.generate_conversations(shard_for_rank(items)))
    rows = [build_trajectory("direct", a.question, a.messages, a.viewing) for a in attempts]
    easy_ids = gather_from_ranks([row.question for row in rows if row.score >= gate])
    if is_main_process():
        with atomic_file(file) as draft:
            draft.write_text(json.dumps(easy_ids))
    return set(easy_ids)
