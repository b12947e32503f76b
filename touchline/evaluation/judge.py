"""A language model that grades open answers, beside the scores that need none.

It is a metric like any other only as far as it agrees with itself: a sample is asked a second time
with another seed and the two texts the other way round, and the share of equal verdicts is told.
Its model, host and the digest of its prompt stand beside its scores. What it could not be asked is
absent with its reason, never zero.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from touchline.chat.prompts import render, words
from touchline.config import Params
from touchline.endpoint import Client, Endpoint, each, request
from touchline.errors import BadInput
from touchline.metrics import bootstrap
from touchline.records import Question, Trajectory
from touchline.state_dirs import reply_folder

WORTH = {"right": 1.0, "partly": 0.5, "wrong": 0.0}
VERDICT = re.compile(r"^\W*verdict\W+(right|partly|wrong)\W*$", re.IGNORECASE | re.MULTILINE)
UNREADABLE = "no verdict"
TASK = "open"
LONGEST = 4000  # letters of an answer that are graded


class Judging(Params):
    """Who grades, and how many answers it grades twice."""

    endpoint: Endpoint
    again: int


class Case(NamedTuple):
    """One grading: `turned` shows the answer before the reference."""

    row: Trajectory
    question: Question
    turned: bool


def graded(
    rows: Mapping[str, Sequence[Trajectory]],
    questions: Mapping[str, Question],
    judging: Judging,
    seed: int,
) -> dict[str, Any]:
    """{candidates: {NAME: {open: {judged: estimate}}}, agreement, faults, and who judged}.

    Where the judge cannot be reached: {absent: the reason, and who should have}.
    """
    cases = [
        Case(row, questions[row.question], False)
        for given in rows.values()
        for row in given
        if row.task == TASK
    ]
    about = {"model": judging.endpoint.model, "host": judging.endpoint.host, "prompt": version()}
    sample = [case._replace(turned=True) for case in _sample(cases, judging.again)]
    try:  # the border to the network
        verdicts = asyncio.run(_asked([*cases, *sample], judging.endpoint))
    except BadInput as fault:
        return {**about, "absent": str(fault)}
    once, twice = verdicts[: len(cases)], verdicts[len(cases) :]
    known = dict(zip([case.row.id for case in cases], once, strict=True))
    faults = Counter(verdict for verdict in verdicts if verdict not in WORTH)
    return {
        **about,
        "candidates": _scores(cases, once, seed),
        "agreement": _agreement([(known[c.row.id], v) for c, v in zip(sample, twice, strict=True)]),
        "faults": dict(sorted(faults.items())),
    }


def version() -> str:
    """The digest of the prompt: another wording is another judge."""
    return hashlib.sha256(words("grade").encode()).hexdigest()[:12]


def _sample(cases: Sequence[Case], count: int) -> list[Case]:
    """So many cases, always the same ones, of all candidates alike."""
    drawn = sorted(cases, key=lambda case: hashlib.sha256(case.row.id.encode()).digest())
    return drawn[:count]


async def _asked(cases: Sequence[Case], endpoint: Endpoint) -> list[str]:
    """A verdict per case, or the name of what went wrong."""
    found: dict[int, str] = {}
    second = endpoint.model_copy(update={"sampling": _reseeded(endpoint.sampling)})
    async with Client(endpoint, reply_folder("judge")) as client:

        async def grade(place: int) -> str:
            case = cases[place]
            served = second if case.turned else endpoint
            message = {"role": "user", "content": _prompt(case)}
            reply = await client.ask(request(served, case.row.id, [message]))
            return reply.fault or read(reply.text)

        async for place, verdict in each(range(len(cases)), grade, client.at_once):
            found[place] = verdict
    return [found[place] for place in range(len(cases))]


def _reseeded(sampling: Mapping[str, Any]) -> dict[str, Any]:
    return {**sampling, "seed": int(sampling.get("seed", 0)) + 1}


def _prompt(case: Case) -> str:
    texts = [
        f"Reference:\n<<<{_inert(case.question.truth)}>>>",
        f"Answer:\n<<<{_inert(case.row.answer)}>>>",
    ]
    fields = {
        "sport": case.question.sport,
        "question": _inert(case.question.text),
        "texts": "\n\n".join(reversed(texts) if case.turned else texts),
    }
    return render("grade", **fields)


def _inert(text: str) -> str:
    """The text without the marks that would end it early."""
    return text[:LONGEST].replace("<<<", "").replace(">>>", "")


def read(text: str) -> str:
    """The last verdict in a reply; `no verdict` when there is none."""
    found = VERDICT.findall(text)
    return found[-1].lower() if found else UNREADABLE


def _scores(cases: Sequence[Case], verdicts: Sequence[str], seed: int) -> dict[str, Any]:
    """Per candidate, over the answers that were graded."""
    given: dict[str, list[tuple[float, str]]] = {}
    for case, verdict in zip(cases, verdicts, strict=True):
        if verdict in WORTH:
            given.setdefault(case.row.author, []).append((WORTH[verdict], case.row.match))
    return {name: {TASK: {"judged": _estimate(rows, seed)}} for name, rows in given.items()}


def _estimate(rows: Sequence[tuple[float, str]], seed: int) -> dict[str, float]:
    import numpy as np

    side = bootstrap.ratio(np.array([(worth, 1.0) for worth, _ in rows]), [m for _, m in rows])
    return bootstrap.estimate(side, seed)._asdict()


def _agreement(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """The share of equal verdicts among those that could be read both times."""
    both = [(one, other) for one, other in pairs if one in WORTH and other in WORTH]
    equal = sum(one == other for one, other in both)
    return {"n": len(both), "value": equal / len(both)} if both else {"n": 0}
