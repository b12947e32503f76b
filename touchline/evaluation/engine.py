"""Let candidates answer: in batches, resumable, remembered, on one process or several.

The questions are cut into batches before anything is known of them; a batch is one transaction of
what is kept. After a kill the same batches are left, so the answers are the same to the byte as
those of an undisturbed run; so they are when the batches are dealt to other processes.
"""

import json
import multiprocessing
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import lru_cache

from touchline.errors import BadInput
from touchline.evaluation.answer_cache import Keep, keep
from touchline.evaluation.cache_key import keys
from touchline.evaluation.candidates.candidate import Answer, Candidate, Game, Said, Setting
from touchline.evaluation.test_set import Bench
from touchline.progress import Progress
from touchline.records import Trajectory
from touchline.video.workers import each, pool


def take_seat() -> None:
    """The n-th process of a pool takes the n-th GPU, in turns; without a GPU, nothing happens."""
    import torch

    number = re.search(r"(\d+)$", multiprocessing.current_process().name)
    if torch.cuda.is_available() and number:
        torch.cuda.set_device(int(number[1]) % torch.cuda.device_count())


LONGEST = 300  # letters of a fault


def answered(
    candidate: Candidate, bench: Bench, setting: Setting, processes: int = 1
) -> list[Trajectory]:
    """A row for every question of the bench, in its order.

    A question that the candidate failed at is a row without an answer; its messages end with one
    of the role `failure`, and it is asked again next time. Raises `BadInput` where it failed at
    every single one, or is not to be had at all.
    """
    games = bench.games()
    with keep() as store, Progress(candidate.name, len(games)) as progress:
        names = _names(candidate, games, bench, setting)
        said = _recalled(store, names) if candidate.kept else {}
        progress.start_at(sum(name in said for name in names))
        for places, given in _fresh(candidate, bench, setting, processes, _asked(names, said)):
            fresh = {names[place]: one for place, one in zip(places, given, strict=True)}
            said |= fresh
            if candidate.kept:
                matches = {names[place]: games[place].question.match for place in places}
                _remember(store, fresh, matches)
            progress.to(progress.done + len(places))
        progress.to(len(games))
    _refuse_silence(candidate, list(said.values()))
    rows = zip(games, names, strict=True)
    return [candidate.row(game, said[name], setting) for game, name in rows]


def _names(
    candidate: Candidate, games: Sequence[Game], bench: Bench, setting: Setting
) -> list[str]:
    """By what each answer is known; a floor, which reads more than words, answers each anew."""
    if candidate.kept:
        return keys(candidate, games, bench, setting)
    return [game.question.id for game in games]


def _asked(names: Sequence[str], known: Collection[str]) -> list[bool]:
    """Which places are to be asked: of equal questions about equal frames, the first."""
    first = {name: place for place, name in reversed([*enumerate(names)])}
    return [name not in known and first[name] == place for place, name in enumerate(names)]


def remembered(candidate: Candidate, bench: Bench, setting: Setting) -> bool:
    """Whether every answer is kept: then `answered` opens nothing, and loads no weights."""
    names = list(dict.fromkeys(keys(candidate, bench.games(), bench, setting)))
    with keep() as store:
        return candidate.kept and len(store.known(names)) == len(names)


def failed(rows: Iterable[Trajectory]) -> int:
    """How many rows end with a failure in place of an answer."""
    return sum(json.loads(row.messages)[-1]["role"] == "failure" for row in rows)


def _fresh(
    candidate: Candidate,
    bench: Bench,
    setting: Setting,
    processes: int,
    wanted: Sequence[bool],
) -> Iterator[tuple[tuple[int, ...], list[Said]]]:
    """(places, what was said) batch by batch, of the places that are wanted."""
    starts = range(0, len(wanted), setting.batch)
    batches = [range(at, min(at + setting.batch, len(wanted))) for at in starts]
    left = [tuple(place for place in batch if wanted[place]) for batch in batches]
    missing = [places for places in left if places]
    if not missing:
        return
    if processes > 1 and candidate.local:
        yield from zip(missing, _dealt(candidate, bench, setting, processes, missing), strict=True)
        return
    games, say = bench.games(), candidate.open(setting)
    for places in missing:
        yield places, attempted(say, [games[place] for place in places])


def _dealt(
    candidate: Candidate,
    bench: Bench,
    setting: Setting,
    processes: int,
    missing: Sequence[tuple[int, ...]],
) -> Iterator[list[Said]]:
    asked = [question.id for question in bench.asked]
    rows = [(candidate, bench, setting, [asked[place] for place in places]) for places in missing]
    with pool(min(processes, len(missing))) as executor:
        try:
            yield from each(executor, _batch, rows)
        except BrokenExecutor:
            remedy = "lower evaluate.batch or evaluate.processes; what is answered is kept"
            raise BadInput(candidate.name, "a process died, out of memory?", remedy) from None


def _batch(candidate: Candidate, bench: Bench, setting: Setting, ids: list[str]) -> list[Said]:
    """One batch in another process, which reads the bench and opens the candidate once."""
    return attempted(_opened(candidate, setting), _read(bench).games(ids))


@lru_cache(maxsize=1)
def _read(bench: Bench) -> Bench:
    return bench


_seated: dict[str, Answer] = {}  # at most one: the weights of a second may not fit


def _opened(candidate: Candidate, setting: Setting) -> Answer:
    name = f"{candidate!r} {setting!r}"
    if name not in _seated:
        _seated.clear()
        take_seat()
        _seated[name] = candidate.open(setting)
    return _seated[name]


def attempted(say: Answer, games: Sequence[Game]) -> list[Said]:
    """What a candidate says to a batch; where it breaks down, to each question by itself."""
    try:  # the border to model output
        return say(games)
    except BadInput:
        raise
    except Exception as error:
        if len(games) > 1:
            return [said for game in games for said in attempted(say, [game])]
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:LONGEST]
        return [Said((), reason)]


def _recalled(store: Keep, names: Sequence[str]) -> dict[str, Said]:
    return {key: Said(tuple(json.loads(kept))) for key, kept in store.known(names).items()}


def _remember(store: Keep, said: dict[str, Said], matches: dict[str, str]) -> None:
    good = {key: json.dumps(one.turns) for key, one in said.items() if not one.fault}
    store.put(good, matches)


def _refuse_silence(candidate: Candidate, said: Sequence[Said]) -> None:
    if said and all(one.fault for one in said):
        wrong = f"answered none of {len(said)} questions: {said[0].fault}"
        raise BadInput(candidate.name, wrong, "mend the candidate or take it out")
