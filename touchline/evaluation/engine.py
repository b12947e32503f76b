"""Run candidates on the evaluation set: in batches, resumable, cached, in one process or several.

Batches are formed before the cache is consulted, and each is one cache transaction. After a kill
the same batches remain, so the answers are byte for byte those of an uninterrupted run, whatever
the number of processes.
"""

import json
import multiprocessing
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import lru_cache

from touchline.errors import InputError
from touchline.evaluation.answer_cache import AnswerCache, open_answer_cache
from touchline.evaluation.cache_key import compute_cache_keys
from touchline.evaluation.candidates.candidate import (
    AnswerFunction,
    CandidateAnswer,
    EvalCandidate,
    EvalItem,
    EvalSettings,
)
from touchline.evaluation.replayed_answer import replay_candidate_answer
from touchline.evaluation.test_set import EvalSet
from touchline.progress import ProgressReporter
from touchline.records.trajectory import Trajectory
from touchline.video.workers import map_jobs, open_worker_pool


def pick_gpu() -> None:
    """Let the n-th worker of a process pool use the n-th GPU, round robin; does nothing without a
    GPU.
    """
    import torch

    number = re.search(r"(\d+)$", multiprocessing.current_process().name)
    if torch.cuda.is_available() and number:
        torch.cuda.set_device(int(number[1]) % torch.cuda.device_count())


LONGEST_FAULT = 300  # letters of a fault


def answer_questions(
    candidate: EvalCandidate, eval_set: EvalSet, settings: EvalSettings, processes: int = 1
) -> list[Trajectory]:
    """One Trajectory per question of the evaluation set, in its order.

    A question at which the candidate failed gives a row without an answer whose last message has
    the role `failure`; it is asked again next time. Raises `InputError` if the candidate failed at
    all of them or cannot be loaded.
    """
    items = eval_set.load_items()
    with open_answer_cache() as store, ProgressReporter(candidate.name, len(items)) as progress:
        answer_keys = _answer_keys(candidate, items, eval_set, settings)
        answers = _recall_answers(store, answer_keys) if candidate.cached else {}
        progress.start_at(sum(answer_key in answers for answer_key in answer_keys))
        for places, batch_answers in _answer_missing(
            candidate, eval_set, settings, processes, _places_to_ask(answer_keys, answers)
        ):
            new_answers = {
                answer_keys[place]: answer
                for place, answer in zip(places, batch_answers, strict=True)
            }
            answers |= new_answers
            if candidate.cached:
                matches = {answer_keys[place]: items[place].question.match for place in places}
                _store_answers(store, new_answers, matches)
            progress.advance_to(progress.done + len(places))
        progress.advance_to(len(items))
    _require_any_answer(candidate, list(answers.values()))
    rows = zip(items, answer_keys, strict=True)
    return [
        replay_candidate_answer(candidate, item, answers[answer_key], settings)
        for item, answer_key in rows
    ]


def _answer_keys(
    candidate: EvalCandidate, items: Sequence[EvalItem], eval_set: EvalSet, settings: EvalSettings
) -> list[str]:
    """By what each answer is known; a floor, which reads more than words, answers each anew."""
    if candidate.cached:
        return compute_cache_keys(candidate, items, eval_set, settings)
    return [item.question.id for item in items]


def _places_to_ask(answer_keys: Sequence[str], known_keys: Collection[str]) -> list[bool]:
    """Which places to ask: among items with equal keys only the first, and none that is cached."""
    first = {answer_key: place for place, answer_key in reversed([*enumerate(answer_keys)])}
    return [
        answer_key not in known_keys and first[answer_key] == place
        for place, answer_key in enumerate(answer_keys)
    ]


def is_fully_cached(candidate: EvalCandidate, eval_set: EvalSet, settings: EvalSettings) -> bool:
    """Whether all answers are cached, so that `answer_questions` need not load the candidate."""
    answer_keys = list(
        dict.fromkeys(compute_cache_keys(candidate, eval_set.load_items(), eval_set, settings))
    )
    with open_answer_cache() as store:
        return candidate.cached and len(store.get_answers(answer_keys)) == len(answer_keys)


def count_failed_answers(rows: Iterable[Trajectory]) -> int:
    """The number of rows that end with a failure message."""
    return sum(json.loads(row.messages)[-1]["role"] == "failure" for row in rows)


def _answer_missing(
    candidate: EvalCandidate,
    eval_set: EvalSet,
    settings: EvalSettings,
    processes: int,
    to_ask: Sequence[bool],
) -> Iterator[tuple[tuple[int, ...], list[CandidateAnswer]]]:
    """(places, answers) batch by batch, of the places to ask."""
    starts = range(0, len(to_ask), settings.batch)
    batches = [range(at, min(at + settings.batch, len(to_ask))) for at in starts]
    unanswered = [tuple(place for place in batch if to_ask[place]) for batch in batches]
    missing = [places for places in unanswered if places]
    if not missing:
        return
    if processes > 1 and candidate.local:
        yield from zip(
            missing, _answer_in_pool(candidate, eval_set, settings, processes, missing), strict=True
        )
        return
    items, answer_function = eval_set.load_items(), candidate.open(settings)
    for places in missing:
        yield places, answer_batch(answer_function, [items[place] for place in places])


def _answer_in_pool(
    candidate: EvalCandidate,
    eval_set: EvalSet,
    settings: EvalSettings,
    processes: int,
    missing: Sequence[tuple[int, ...]],
) -> Iterator[list[CandidateAnswer]]:
    question_ids = [question.id for question in eval_set.split_questions]
    rows = [
        (candidate, eval_set, settings, [question_ids[place] for place in places])
        for places in missing
    ]
    with open_worker_pool(min(processes, len(missing))) as executor:
        try:
            yield from map_jobs(executor, _answer_batch_in_worker, rows)
        except BrokenExecutor:
            remedy = "lower evaluate.batch or evaluate.processes; what is answered is kept"
            raise InputError(candidate.name, "a process died, out of memory?", remedy) from None


def _answer_batch_in_worker(
    candidate: EvalCandidate, eval_set: EvalSet, settings: EvalSettings, ids: list[str]
) -> list[CandidateAnswer]:
    """One batch in another process, which reads the bench and opens the candidate once."""
    return answer_batch(
        _open_candidate(candidate, settings), _worker_eval_set(eval_set).load_items(ids)
    )


@lru_cache(maxsize=1)
def _worker_eval_set(eval_set: EvalSet) -> EvalSet:
    return eval_set


_open_candidates: dict[str, AnswerFunction] = {}  # at most one: the weights of a second may not fit


def _open_candidate(candidate: EvalCandidate, settings: EvalSettings) -> AnswerFunction:
    name = f"{candidate!r} {settings!r}"
    if name not in _open_candidates:
        _open_candidates.clear()
        pick_gpu()
        _open_candidates[name] = candidate.open(settings)
    return _open_candidates[name]


def answer_batch(
    answer_function: AnswerFunction, items: Sequence[EvalItem]
) -> list[CandidateAnswer]:
    """A candidate's answers to a batch; if the batch raises, each question is tried alone and an
    error becomes the answer's `fault`.
    """
    try:  # the border to model output
        return answer_function(items)
    except InputError:
        raise
    except Exception as error:
        if len(items) > 1:
            return [answer for item in items for answer in answer_batch(answer_function, [item])]
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:LONGEST_FAULT]
        return [CandidateAnswer((), reason)]


def _recall_answers(store: AnswerCache, answer_keys: Sequence[str]) -> dict[str, CandidateAnswer]:
    return {
        key: CandidateAnswer(tuple(json.loads(turns)))
        for key, turns in store.get_answers(answer_keys).items()
    }


def _store_answers(
    store: AnswerCache, answers: dict[str, CandidateAnswer], matches: dict[str, str]
) -> None:
    faultless = {
        key: json.dumps(answer.turns) for key, answer in answers.items() if not answer.fault
    }
    store.put_answers(faultless, matches)


def _require_any_answer(candidate: EvalCandidate, answers: Sequence[CandidateAnswer]) -> None:
    if answers and all(answer.fault for answer in answers):
        wrong = f"answered none of {len(answers)} questions: {answers[0].fault}"
        raise InputError(candidate.name, wrong, "correct the candidate or take it out")
