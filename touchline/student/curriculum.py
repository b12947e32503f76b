"""Lessons in the order of a curriculum: recognition, then rules, then coaching and commentary.

DeepSport's second version trains perception first; its stages and their mix are not published.
"""

from collections.abc import Sequence

import numpy as np

from touchline.tasks import TASKS

PHASES = (("recognition",), ("rules",), ("coaching", "commentary"))


def curriculum(tasks: Sequence[str], count: int, seed: int) -> list[int]:
    """`count` row numbers to train on in turn; `tasks` names the task of each row.

    Every phase gets a share as large as its share of the rows. Within a phase each row comes as
    often as any other, give or take one, in an order drawn anew for each pass.
    """
    random = np.random.default_rng(seed)
    phases = [[n for n, t in enumerate(tasks) if TASKS[t].level in phase] for phase in PHASES]
    edges = np.cumsum([0, *map(len, phases)]) * count // len(tasks)
    return [
        number
        for rows, start, end in zip(phases, edges, edges[1:], strict=False)
        for number in _passes(rows, int(end - start), random)
    ]


def _passes(rows: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    if not count:
        return []
    drawn = [random.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(drawn)[:count].tolist()
