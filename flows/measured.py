"""Score the answers of a night and compare them: with the floors, the champion and last night."""

from flows import asking
from flows.night import Going
from touchline.faults import BadInput
from touchline.metrics import scores
from touchline.metrics.overall import Headlines, headlines
from touchline.nights import compare, kept, record
from touchline.nights.record import Candidate, Night
from touchline.records import Trajectory

BLANK = "blank"  # behind a candidate's name: the same on black frames


def floors(going: Going) -> None:
    """The floors that need no model."""
    made = asking.file(going, asking.FLOORS)
    before = _comparable(going)
    known = before.floors if before and before.floors_file == made.name else {}
    going.night.floors_file = made.name
    for name in asking.authors(made):
        rows = kept.load(made, name)
        going.lines[name] = headlines(paired(going, rows), going.asked.judge)
        going.night.floors[name] = known.get(name) or _scores(going, rows)


def candidate(going: Going, name: str) -> None:
    """One model's scores; the same answers to the same questions keep those of an earlier night."""
    one = going.night.candidates[name]
    made = asking.file(going, one.model.md5)
    rows, blank = asking.of_model(made)
    seed = going.asked.evaluate["seed"]
    for line, given in ((name, rows), (f"{name} {BLANK}", blank)):
        going.lines[line] = headlines(paired(going, given), going.asked.judge)
    one.answers, one.file = kept.digest(rows), made.name
    one.scores = _known(going, one) or _scores(going, rows)
    one.overall = compare.overall(going.lines[name], seed)._asdict()
    one.blank = compare.overall(going.lines[f"{name} {BLANK}"], seed)._asdict()


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
    file = going.folder / "answers" / old.file
    if not file.is_file():
        return None
    rows, _ = asking.of_model(file)
    return headlines(paired(going, rows), going.asked.judge)


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
    """Answers beside their questions; all must be there, each once."""
    asked = going.asked.labelled
    if sorted(row.question for row in rows) != sorted(asked):
        wrong = f"{len(rows)} answers to {len(asked)} questions, or to others"
        raise BadInput(rows[0].author, wrong, "delete its file of answers; it is asked again")
    return scores.paired(rows, asked)
