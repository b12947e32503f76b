"""Understand a request in English by rules: the sport's words, its synonyms, numbers, negation.

What is recognised is taken out of the text, clause by clause; what is left over is said and not
guessed at. Nothing recognised, or more left over than recognised, is refused.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from touchline.errors import BadInput
from touchline.highlights.wish import ORDINALS, OTHER, Clubs, Stretch, Wish
from touchline.sports import SPORTS
from touchline.sports.sport import Sport

NAMES = (
    'and, if you like, for "not ...", "first half", "last ten minutes", "after minute 60", '
    '"the first two ..."'
)


@dataclass(frozen=True)
class Names:
    """`pattern` finds a name in lower-case text, longest first; `means` says which words it is."""

    pattern: str
    meanings: dict[str, tuple[str, ...]]

    def means(self, said: str) -> tuple[str, ...]:
        return self.meanings[_key(said)]


def names(sport: Sport) -> Names:
    """All names of a sport. A part that several words share, such as `card`, means all of them."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word in dict.fromkeys(sport.words.values()):
        for name in (word, *sport.synonyms.get(word, ())):
            found[name][word] = None
    for part, words in _shared(sport).items():
        found.setdefault(part, words)
    forms = {form: tuple(words) for name, words in found.items() for form in _forms(name)}
    pattern = "|".join(map(_loose, sorted(forms, key=lambda form: (-len(form), form))))
    return Names(pattern or r"(?!)", {_key(form): words for form, words in forms.items()})


def _shared(sport: Sport) -> dict[str, dict[str, None]]:
    """First and last parts of words of several parts, where more than one word has them."""
    parts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word in dict.fromkeys(sport.words.values()):
        pieces = word.split()
        if len(pieces) > 1:
            for piece in (pieces[0], pieces[-1]):
                parts[piece][word] = None
    return {part: words for part, words in parts.items() if len(words) > 1}


def _loose(form: str) -> str:
    """`free kick` also as `free-kick` or `freekick`."""
    return r"[\s-]?".join(map(re.escape, form.split()))


def _key(said: str) -> str:
    """A form without blanks and hyphens."""
    return re.sub(r"[\s-]", "", said.lower())


def _forms(name: str) -> set[str]:
    """The name, and the name with its first or last noun in the plural, in pieces."""
    pieces = name.replace("-", " ").split()
    firsts, lasts = [_plural(pieces[0]), *pieces[1:]], [*pieces[:-1], _plural(pieces[-1])]
    return {" ".join(form) for form in (pieces, firsts, lasts)}


def _plural(noun: str) -> str:
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(s|x|ch|sh)$", noun) else f"{noun}s"


UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70}
TENS |= {"eighty": 80, "ninety": 90}
COUNT = rf"(?:\d{{1,4}}|{'|'.join([*sorted(UNITS, key=len, reverse=True), *TENS])})"
NUMBER = rf"(?:{COUNT}(?::\d\d)?)"
ORDINAL = rf"(?:{'|'.join(ORDINALS)}|[1-5](?:st|nd|rd|th))"
PERIOD = r"(?:half|period|quarter|game|set)"
UNIT = r"(?P<unit>minutes?|mins?|seconds?|secs?)"
TIME = rf"(?:the )?(?:minute )?({NUMBER})(?:st|nd|rd|th)?(?: ?min(?:ute)?s?)?"
NAMELESS = Clubs()
LONGEST = 200  # letters of a request that a refusal quotes
ALL = ("highlights?", "everything", "anything", "actions?", "events?", "moments")
NEGATED = r"not|no|without|except(?: for)?|excluding|excludes?|leave out|omit|minus|skip"
AGAIN = r"but(?! not| no )|plus|only|just|and all|;|\."
ASKING = (
    *(
        "show",
        "give",
        "get",
        "cut",
        "find",
        "make",
        "want",
        "let",
        "see",
        "please",
        "i",
        "me",
        "us",
    ),
    *("my", "all", "every", "any", "the", "a", "an", "of", "in", "from", "when", "where"),
    *("whenever", "clip", "clips", "reel", "scene", "scenes", "video", "match", "moments"),
)
FILLER = Path(__file__).with_name("filler.txt")  # words that say nothing of what is wanted


def understand(text: str, name: str, clubs: Clubs = NAMELESS) -> Wish:
    """The request for a sport, as data; `BadInput` says what can be asked."""
    sport, left = _sport(name), _left(text)
    words = names(sport)
    periods = _periods(left)
    stretch = _stretch(left)
    team = _team(left, clubs)
    most, latest = _most(left, words)
    wanted, ruled_out, found = _actions(left, sport, words)
    rest = left.rest()
    if not found or len(rest) > left.taken:
        _refuse(text, sport, rest)
    actions = tuple(word for word in wanted if word not in ruled_out)
    if not actions:
        raise BadInput(f'"{text}"', "rules out everything it asks for", _remedy(sport))
    without = tuple(sorted(ruled_out))
    return Wish(*(name, actions, without, periods, sport.period, stretch, team, most, latest, rest))


def as_said(text: str, name: str, clubs: Clubs = NAMELESS) -> Wish:
    """Halves and minutes as in `understand`; all else is one action in the asker's own words.

    Names of clubs are such words, too: they stay.

    Raises `BadInput` when nothing is left to ask for.
    """
    sport, left = _sport(name), _left(text)
    periods, stretch = _periods(left), _stretch(left)
    action = left.words()
    if not action:
        raise BadInput(f'"{text}"', "says nothing to look for", "say what to look for")
    return Wish(name, (action,), (), periods, sport.period, stretch, "", 0, False, (), own=True)


def _sport(name: str) -> Sport:
    if name not in SPORTS:
        raise BadInput(f"--sport {name}", "is not known", f"choose among {', '.join(SPORTS)}")
    return SPORTS[name]


def _left(text: str) -> "_Left":
    plain = re.sub(r"[^\w\s:;.,'-]", " ", text.lower()).replace("_", " ")
    return _Left(" ".join(plain.split()))


class _Left:
    """The text that is not understood yet; `|` stands where something was."""

    def __init__(self, text: str) -> None:
        self.text, self.taken = text, 0

    def take(self, pattern: str) -> list[re.Match[str]]:
        found = list(re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", self.text))
        for one in reversed(found):
            self.text = f"{self.text[: one.start()]}|{self.text[one.end() :]}"
        self.taken += len(found)
        return found

    def rest(self) -> tuple[str, ...]:
        empty = set(FILLER.read_text(encoding="utf-8").split())
        return tuple(word for word in self._all() if word not in empty)

    def words(self) -> str:
        """All of it in its order, without what only asks at its two ends."""
        every = self._all()
        places = [at for at, word in enumerate(every) if word not in ASKING]
        return " ".join(every[places[0] : places[-1] + 1]) if places else ""

    def _all(self) -> list[str]:
        return re.findall(r"[^\W\d][\w'-]*|\d+", self.text)


def _periods(left: _Left) -> tuple[int, ...]:
    joined = rf"({ORDINAL}) and (?:the )?({ORDINAL}) {PERIOD}s?"
    numbers = {_place(one[i]) for one in left.take(joined) for i in (1, 2)}
    numbers |= {_place(one[1]) for one in left.take(rf"(?:in |of )?(?:the )?({ORDINAL}) {PERIOD}")}
    numbers |= {_place(one[1]) for one in left.take(rf"{PERIOD} (one|two|three|[1-5])")}
    left.take(r"(?:in )?both (?:halves|games|sets)")
    return tuple(sorted(numbers))


def _place(said: str) -> int:
    if said in ORDINALS:
        return ORDINALS.index(said) + 1
    return int(said[0]) if said[0].isdigit() else UNITS.index(said)


def _stretch(left: _Left) -> Stretch | None:
    """The first of the stretches that are named; the match clock is in minutes."""
    for one in left.take(rf"(?:in |of |during )?(?:the )?(first|last) ({NUMBER}) {UNIT}"):
        length = _seconds(one[2]) / (60 if one["unit"].startswith("s") else 1)
        return Stretch(**{one[1]: length})
    for one in left.take(rf"(?:between|from) {TIME} (?:and|to|until) {TIME}"):
        return Stretch(_seconds(one[1]), _seconds(one[2]))
    for one in left.take(rf"(?:after|since|from) {TIME}"):
        return Stretch(_seconds(one[1]))
    for one in left.take(rf"(?:before|until|up to) {TIME}"):
        return Stretch(0.0, _seconds(one[1]))
    for one in left.take(r"in (?:the )?(\d{1,4})(?:st|nd|rd|th) minute"):
        return Stretch(_seconds(one[1]) - 60, _seconds(one[1]))
    return None


def _seconds(said: str) -> float:
    """`10`, `ten` and `10:00` are ten minutes of the match clock."""
    minutes, _, seconds = said.partition(":")
    return 60.0 * _number(minutes) + float(seconds or 0)


def _number(said: str) -> int:
    if said.isdigit():
        return int(said)
    return TENS[said] if said in TENS else UNITS.index(said)


def _team(left: _Left, clubs: Clubs) -> str:
    """`home`, `away`, or "" when no team is named or both are."""
    said = {"home": [r"home(?=(?: team| side))"], "away": [r"(?:away|visiting)(?=(?: team| side))"]}
    named = {side: [*said[side], *map(re.escape, clubs.spellings(side))] for side in said}
    wanted = set[str]()
    for side, spelt in named.items():
        whose = rf"(?:{'|'.join(spelt)})(?:'s)?(?: team| side)?"
        for one in left.take(rf"((?:{NEGATED}) )?(?:by |of |for |from )?(?:the )?{whose}"):
            wanted.add(OTHER[side] if one[1] else side)
    return wanted.pop() if len(wanted) == 1 else ""


def _most(left: _Left, words: Names) -> tuple[int, bool]:
    """How many, and whether of the last: `first three goals` (3, False), `last goal` (1, True)."""
    action = rf"(?= (?:{words.pattern})(?![\w-]))"
    for one in left.take(rf"(first|last|latest|final)(?: ({COUNT}))?{action}"):
        return _number(one[2]) if one[2] else 1, one[1] != "first"
    for one in left.take(rf"(?<!:)({COUNT}){action}"):
        return _number(one[1]), False
    return 0, False


def _actions(left: _Left, sport: Sport, words: Names) -> tuple[list[str], set[str], bool]:
    """(wanted, ruled out, whether anything was named), the wanted in the sport's order."""
    wanted: set[str] = set()
    out: set[str] = set()

    marks = rf"(?P<no>{NEGATED})|(?P<yes>{AGAIN})|(?P<all>{'|'.join(ALL)})"
    negated, everything = False, False
    left.text = re.sub(r"([;.])", r" \1 ", left.text)
    for one in left.take(rf"{marks}|(?P<word>{words.pattern})"):
        if one["no"] or one["yes"]:
            negated, left.taken = bool(one["no"]), left.taken - 1
        elif one["all"]:
            everything = everything or not negated
        else:
            (out if negated else wanted).update(words.means(one["word"]))
    known = tuple(dict.fromkeys(sport.words.values()))
    if (everything or out) and not wanted:
        wanted = set(sport.asked or known)
    return [word for word in known if word in wanted], out, bool(wanted or out)


def _refuse(text: str, sport: Sport, rest: tuple[str, ...]) -> None:
    unknown = f" (not understood: {' '.join(rest)[:LONGEST]})" if rest else ""
    wrong = f"asks for nothing that is known in {sport.name}{unknown}"
    raise BadInput(f'"{text[:LONGEST]}"', wrong, _remedy(sport))


def _remedy(sport: Sport) -> str:
    known = ", ".join(dict.fromkeys(sport.words.values())) or "nothing yet"
    own = "or add --free to put your own words to the model"
    return f"ask in English for one or more of: {known}; {NAMES}; {own}"
