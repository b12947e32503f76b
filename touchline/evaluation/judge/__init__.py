"""LLM judge that grades open answers, beside the metrics that need none.

A sample is graded twice, the second time with another seed and the two texts swapped, and the share
of equal verdicts is reported. Model, host and prompt digest are reported with the scores. If the
judge cannot be reached, the result says why instead of giving a score.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from touchline.endpoint import EndpointClient, EndpointParams, build_chat_request, run_concurrently
from touchline.errors import InputError
from touchline.evaluation.params import JudgeParams
from touchline.metrics import bootstrap
from touchline.prompt_text import fill_prompt_fields, read_prompt_file
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.state_dirs import ensure_reply_folder

VERDICT_SCORES = {"right": 1.0, "partly": 0.5, "wrong": 0.0}
VERDICT = re.compile(r"^\W*verdict\W+(right|partly|wrong)\W*$", re.IGNORECASE | re.MULTILINE)
NO_VERDICT = "no verdict"
GRADED_TASK = "open"
GRADING_PROMPT = Path(__file__).with_name("grade.txt")
LONGEST_ANSWER = 4000  # letters of an answer that are graded


class GradingCase(NamedTuple):
    """One answer to grade; `answer_first` puts the answer before the reference."""

    row: Trajectory
    question: Question
    answer_first: bool


def grade_open_answers(
    rows: Mapping[str, Sequence[Trajectory]],
    questions: Mapping[str, Question],
    judging: JudgeParams,
    seed: int,
) -> dict[str, Any]:
    """{candidates: {NAME: {open: {judged: estimate}}}, agreement, faults, model, host, prompt}.

    If the judge cannot be reached: {model, host, prompt, absent: reason}.
    """
    cases = [
        GradingCase(row, questions[row.question], False)
        for candidate_rows in rows.values()
        for row in candidate_rows
        if row.task == GRADED_TASK
    ]
    about = {
        "model": judging.endpoint.model,
        "host": judging.endpoint.host,
        "prompt": digest_judge_prompt(),
    }
    sample = [case._replace(answer_first=True) for case in _sample(cases, judging.again)]
    try:  # the border to the network
        verdicts = asyncio.run(_ask_judge([*cases, *sample], judging.endpoint))
    except InputError as fault:
        return {**about, "absent": str(fault)}
    verdicts_once, verdicts_again = verdicts[: len(cases)], verdicts[len(cases) :]
    first_verdicts = dict(zip([case.row.id for case in cases], verdicts_once, strict=True))
    faults = Counter(verdict for verdict in verdicts if verdict not in VERDICT_SCORES)
    return {
        **about,
        "candidates": _scores(cases, verdicts_once, seed),
        "agreement": _agreement(
            [(first_verdicts[c.row.id], v) for c, v in zip(sample, verdicts_again, strict=True)]
        ),
        "faults": dict(sorted(faults.items())),
    }


def digest_judge_prompt() -> str:
    """Short digest of the grading prompt, since another wording is another judge."""
    return hashlib.sha256(read_prompt_file(GRADING_PROMPT).encode()).hexdigest()[:12]


def _sample(cases: Sequence[GradingCase], count: int) -> list[GradingCase]:
    """So many cases, always the same ones, of all candidates alike."""
    drawn = sorted(cases, key=lambda case: hashlib.sha256(case.row.id.encode()).digest())
    return drawn[:count]


async def _ask_judge(cases: Sequence[GradingCase], endpoint: EndpointParams) -> list[str]:
    """A verdict per case, or the name of what went wrong."""
    verdicts: dict[int, str] = {}
    second = endpoint.model_copy(update={"sampling": _reseeded(endpoint.sampling)})
    async with EndpointClient(endpoint, ensure_reply_folder("judge")) as client:

        async def grade(place: int) -> str:
            case = cases[place]
            served = second if case.answer_first else endpoint
            message = {"role": "user", "content": _grading_prompt(case)}
            reply = await client.ask(build_chat_request(served, case.row.id, [message]))
            return reply.fault or parse_verdict(reply.text)

        async for place, verdict in run_concurrently(
            range(len(cases)), grade, client.max_conversations
        ):
            verdicts[place] = verdict
    return [verdicts[place] for place in range(len(cases))]


def _reseeded(sampling: Mapping[str, Any]) -> dict[str, Any]:
    return {**sampling, "seed": int(sampling.get("seed", 0)) + 1}


def _grading_prompt(case: GradingCase) -> str:
    texts = [
        f"Reference:\n<<<{_strip_delimiters(case.question.truth)}>>>",
        f"Answer:\n<<<{_strip_delimiters(case.row.answer)}>>>",
    ]
    fields = {
        "sport": case.question.sport,
        "question": _strip_delimiters(case.question.text),
        "texts": "\n\n".join(reversed(texts) if case.answer_first else texts),
    }
    return fill_prompt_fields(read_prompt_file(GRADING_PROMPT), fields)


def _strip_delimiters(text: str) -> str:
    """The text without the marks that would end it early."""
    return text[:LONGEST_ANSWER].replace("<<<", "").replace(">>>", "")


def parse_verdict(text: str) -> str:
    """The last verdict in a judge's reply: right, partly or wrong, or 'no verdict'."""
    verdicts = VERDICT.findall(text)
    return verdicts[-1].lower() if verdicts else NO_VERDICT


def _scores(cases: Sequence[GradingCase], verdicts: Sequence[str], seed: int) -> dict[str, Any]:
    """Per candidate, over the answers that were graded."""
    graded_rows: dict[str, list[tuple[float, str]]] = {}
    for case, verdict in zip(cases, verdicts, strict=True):
        if verdict in VERDICT_SCORES:
            graded_rows.setdefault(case.row.author, []).append(
                (VERDICT_SCORES[verdict], case.row.match)
            )
    return {
        name: {GRADED_TASK: {"judged": _estimate(rows, seed)}} for name, rows in graded_rows.items()
    }


def _estimate(rows: Sequence[tuple[float, str]], seed: int) -> dict[str, float]:
    import numpy as np

    metric = bootstrap.build_ratio_metric(
        np.array([(worth, 1.0) for worth, _ in rows]), [m for _, m in rows]
    )
    return bootstrap.estimate_metric(metric, seed)._asdict()


def _agreement(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """The share of equal verdicts among those that could be read both times."""
    readable = [
        (first, second)
        for first, second in pairs
        if first in VERDICT_SCORES and second in VERDICT_SCORES
    ]
    equal = sum(first == second for first, second in readable)
    return {"n": len(readable), "value": equal / len(readable)} if readable else {"n": 0}
