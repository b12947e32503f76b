"""Score the answers of a night and compare them: with the floors, the champion and last night."""

from pathlib import Path

from flows.nightly import compare, record
from flows.nightly.answers import Rows, digest, load, store
from flows.nightly.ask_process import MODEL
from flows.nightly.record import Candidate, Night
from flows.nightly.session import Going
from touchline.evaluation.engine import failed
from touchline.metrics import scores
from touchline.metrics.overall import Headlines, headlines
from touchline.records import Trajectory


def floors(going: Going, rows: Rows) -> None:
    """The floors that need no model."""
    going.night.floors_file = store(_folder(going), rows)
    before = _comparable(going)
    same = before and before.floors_file == going.night.floors_file
    known = before.floors if before and same else {}
    for name, given in rows.items():
        going.lines[name] = headlines(paired(going, given), going.asked.judge)
        going.night.floors[name] = known.get(name) or _scores(going, given)


def candidate(going: Going, name: str, rows: Rows) -> None:
    """One model's scores; the same answers to the same questions keep those of an earlier night."""
    one, seed = going.night.candidates[name], going.asked.evaluate["seed"]
    for author, given in rows.items():
        line = name if author == MODEL else of(name, author)
        going.lines[line] = headlines(paired(going, given), going.asked.judge)
        found = compare.overall(going.lines[line], seed)._asdict()
        one.floors |= {author: found} if author != MODEL else {}
        one.overall = found if author == MODEL else one.overall
    one.answers, one.file = digest(rows[MODEL]), store(_folder(going), rows)
    one.failed = failed(rows[MODEL])
    one.scores = _known(going, one) or _scores(going, rows[MODEL])


def of(name: str, floor: str) -> str:
    """Under which name the line of a model's own floor stands."""
    return f"{name} {floor}"


def _folder(going: Going) -> Path:
    return going.folder / "answers"


def verdicts(going: Going) -> None:
    """Each challenger against the champion, and tonight's newest against last night's."""
    night, champion = going.night, going.night.champion
    good = [name for name, one in night.candidates.items() if one.answers]
    theirs = champion.name if champion and champion.name in good else ""
    night.newest = next((name for name in reversed(good) if name != theirs), theirs)
    for name in good:
        if theirs and name != theirs:
            _against(going, name, "the champion", going.lines[theirs])
    _last_night(going)


def _last_night(going: Going) -> None:
    """Tonight's newest model against last night's; the champion against itself, if it changed."""
    before = _comparable(going)
    if before is None or not going.night.newest:
        return
    pairs = [(going.night.newest, before.newest, "last night's newest")]
    champion = going.night.champion
    if champion and champion.name in before.candidates:
        pairs.append((champion.name, champion.name, "itself last night"))
    for name, other, said in pairs:
        old, new = before.candidates.get(other), going.night.candidates.get(name)
        if old and new and new.answers and old.answers not in ("", new.answers):
            line = going.lines.get(other) if other != name else None
            earlier = line or _earlier(going, old)
            if earlier:
                _against(going, name, said, earlier)


def _comparable(going: Going) -> Night | None:
    last = record.last(going.root)
    same = last and last.benchmark.get("digest") == going.night.benchmark["digest"]
    return last if same else None


def _earlier(going: Going, old: Candidate) -> Headlines | None:
    file = _folder(going) / old.file
    if not file.is_file():
        return None
    return headlines(paired(going, load(file)[MODEL]), going.asked.judge)


def _against(going: Going, name: str, other: str, theirs: Headlines) -> None:
    one, seed = going.night.candidates[name], going.asked.evaluate["seed"]
    found = compare.gap(going.lines[name], theirs, seed)
    sentence = compare.verdict(name, other, found)
    one.verdicts.append(sentence)
    if compare.worse(found) and not one.regression:
        one.regression = sentence


def _known(going: Going, one: Candidate) -> record.Scores:
    """The scores that the last night found for these very answers."""
    before = _comparable(going)
    old = before.candidates.get(one.model.name) if before else None
    return old.scores if old and old.answers == one.answers else {}


def _scores(going: Going, rows: list[Trajectory]) -> record.Scores:
    return scores.by_task(paired(going, rows), going.asked.judge)


def paired(going: Going, rows: list[Trajectory]) -> scores.Rows:
    """Answers beside their questions."""
    return scores.paired(rows, going.asked.labelled)
