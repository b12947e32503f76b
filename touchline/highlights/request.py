"""Parse an English highlight request with rules: the sport's actions and synonyms, numbers,
negation, periods, times, teams.

Recognised phrases are removed from the text one after the other; the remaining words are reported
as not understood. A request is refused if no action is recognised, or if more words are left over
than phrases were recognised.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from touchline.errors import InputError
from touchline.highlights.wish import ORDINALS, OTHER_SIDE, ClockRange, ReelQuery, TeamNames
from touchline.sports import SPORTS
from touchline.sports.sport import Sport

REQUEST_HINT = (
    'and, if you like, for "not ...", "first half", "last ten minutes", "after minute 60", '
    '"the first two ..."'
)


@dataclass(frozen=True)
class ActionNames:
    """`pattern` is a regular expression for action names in lower-case text, longest first;
    `meanings` maps a name to the sport's words.
    """

    pattern: str
    meanings: dict[str, tuple[str, ...]]

    def words_for(self, name: str) -> tuple[str, ...]:
        """The sport's words that a matched name stands for."""
        return self.meanings[_name_key(name)]


def build_action_names(sport: Sport) -> ActionNames:
    """Compile all action names of a sport. A part shared by several words, such as `card`, means
    all of them.
    """
    words_by_name: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word in dict.fromkeys(sport.words.values()):
        for name in (word, *sport.synonyms.get(word, ())):
            words_by_name[name][word] = None
    for part, words in _shared_name_parts(sport).items():
        words_by_name.setdefault(part, words)
    forms = {
        form: tuple(words) for name, words in words_by_name.items() for form in _plural_forms(name)
    }
    pattern = "|".join(map(_spacing_pattern, sorted(forms, key=lambda form: (-len(form), form))))
    return ActionNames(
        pattern or r"(?!)", {_name_key(form): words for form, words in forms.items()}
    )


def _shared_name_parts(sport: Sport) -> dict[str, dict[str, None]]:
    """First and last parts of words of several parts, where more than one word has them."""
    parts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word in dict.fromkeys(sport.words.values()):
        pieces = word.split()
        if len(pieces) > 1:
            for piece in (pieces[0], pieces[-1]):
                parts[piece][word] = None
    return {part: words for part, words in parts.items() if len(words) > 1}


def _spacing_pattern(form: str) -> str:
    """`free kick` also as `free-kick` or `freekick`."""
    return r"[\s-]?".join(map(re.escape, form.split()))


def _name_key(form: str) -> str:
    """A form without blanks and hyphens."""
    return re.sub(r"[\s-]", "", form.lower())


def _plural_forms(name: str) -> set[str]:
    """The name, and the name with its first or last noun in the plural, in pieces."""
    pieces = name.replace("-", " ").split()
    firsts, lasts = [_pluralise(pieces[0]), *pieces[1:]], [*pieces[:-1], _pluralise(pieces[-1])]
    return {" ".join(form) for form in (pieces, firsts, lasts)}


def _pluralise(noun: str) -> str:
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(s|x|ch|sh)$", noun) else f"{noun}s"


NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70}
TENS |= {"eighty": 80, "ninety": 90}
COUNT = rf"(?:\d{{1,4}}|{'|'.join([*sorted(NUMBER_WORDS, key=len, reverse=True), *TENS])})"
NUMBER = rf"(?:{COUNT}(?::\d\d)?)"
ORDINAL = rf"(?:{'|'.join(ORDINALS)}|[1-5](?:st|nd|rd|th))"
PERIOD = r"(?:half|period|quarter|game|set)"
UNIT = r"(?P<unit>minutes?|mins?|seconds?|secs?)"
TIME = rf"(?:the )?(?:minute )?({NUMBER})(?:st|nd|rd|th)?(?: ?min(?:ute)?s?)?"
NO_TEAM_NAMES = TeamNames()
MAX_QUOTED_LETTERS = 200  # letters of a request that a refusal quotes
ALL_PATTERNS = ("highlights?", "everything", "anything", "actions?", "events?", "moments")
NEGATION_PATTERN = r"not|no|without|except(?: for)?|excluding|excludes?|leave out|omit|minus|skip"
RESUME_PATTERN = r"but(?! not| no )|plus|only|just|and all|;|\."
REQUEST_WORDS = (
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
FILLER_FILE = Path(__file__).with_name("filler.txt")  # words that say nothing of what is wanted


def parse_highlight_request(text: str, name: str, clubs: TeamNames = NO_TEAM_NAMES) -> ReelQuery:
    """Parse a request into a `ReelQuery`. `name` is the sport. Raises `InputError`, with the
    actions that can be asked for, if it is not understood.
    """
    sport, unparsed = _find_sport(name), _normalise_request(text)
    words = build_action_names(sport)
    periods = _parse_periods(unparsed)
    stretch = _parse_clock_range(unparsed)
    team = _parse_team(unparsed, clubs)
    most, latest = _parse_limit(unparsed, words)
    wanted_actions, ruled_out, any_named = _parse_actions(unparsed, sport, words)
    unknown = unparsed.unknown_words()
    if not any_named or len(unknown) > unparsed.match_count:
        _raise_not_understood(text, sport, unknown)
    actions = tuple(word for word in wanted_actions if word not in ruled_out)
    if not actions:
        raise InputError(f'"{text}"', "rules out everything it asks for", _remedy(sport))
    without = tuple(sorted(ruled_out))
    return ReelQuery(
        sport=name,
        actions=actions,
        without=without,
        periods=periods,
        period=sport.period,
        stretch=stretch,
        team=team,
        most=most,
        latest=latest,
        left_out=unknown,
    )


def parse_free_request(text: str, name: str, clubs: TeamNames = NO_TEAM_NAMES) -> ReelQuery:
    """Parse a request whose remaining words, team names included, are put to the model as one
    action. Periods and times are parsed as in `parse_highlight_request`.

    Raises `InputError` if no words remain.
    """
    sport, unparsed = _find_sport(name), _normalise_request(text)
    periods, stretch = _parse_periods(unparsed), _parse_clock_range(unparsed)
    action = unparsed.trimmed_text()
    if not action:
        raise InputError(f'"{text}"', "says nothing to look for", "say what to look for")
    return ReelQuery(
        sport=name,
        actions=(action,),
        without=(),
        periods=periods,
        period=sport.period,
        stretch=stretch,
        team="",
        most=0,
        latest=False,
        left_out=(),
        own=True,
    )


def _find_sport(name: str) -> Sport:
    if name not in SPORTS:
        raise InputError(f"--sport {name}", "is not known", f"choose among {', '.join(SPORTS)}")
    return SPORTS[name]


def _normalise_request(text: str) -> "_UnparsedText":
    plain = re.sub(r"[^\w\s:;.,'-]", " ", text.lower()).replace("_", " ")
    return _UnparsedText(" ".join(plain.split()))


class _UnparsedText:
    """The part of the request that has not been parsed yet. Each recognised phrase is replaced by
    `|`.
    """

    def __init__(self, text: str) -> None:
        self.text, self.match_count = text, 0

    def take(self, pattern: str) -> list[re.Match[str]]:
        matches = list(re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", self.text))
        for match in reversed(matches):
            self.text = f"{self.text[: match.start()]}|{self.text[match.end() :]}"
        self.match_count += len(matches)
        return matches

    def unknown_words(self) -> tuple[str, ...]:
        filler = set(FILLER_FILE.read_text(encoding="utf-8").split())
        return tuple(word for word in self._tokens() if word not in filler)

    def trimmed_text(self) -> str:
        """All of it in its order, without what only asks at its two ends."""
        tokens = self._tokens()
        places = [at for at, word in enumerate(tokens) if word not in REQUEST_WORDS]
        return " ".join(tokens[places[0] : places[-1] + 1]) if places else ""

    def _tokens(self) -> list[str]:
        return re.findall(r"[^\W\d][\w'-]*|\d+", self.text)


def _parse_periods(unparsed: _UnparsedText) -> tuple[int, ...]:
    joined = rf"({ORDINAL}) and (?:the )?({ORDINAL}) {PERIOD}s?"
    numbers = {_parse_ordinal(match[i]) for match in unparsed.take(joined) for i in (1, 2)}
    numbers |= {
        _parse_ordinal(match[1])
        for match in unparsed.take(rf"(?:in |of )?(?:the )?({ORDINAL}) {PERIOD}")
    }
    numbers |= {
        _parse_ordinal(match[1]) for match in unparsed.take(rf"{PERIOD} (one|two|three|[1-5])")
    }
    unparsed.take(r"(?:in )?both (?:halves|games|sets)")
    return tuple(sorted(numbers))


def _parse_ordinal(ordinal: str) -> int:
    if ordinal in ORDINALS:
        return ORDINALS.index(ordinal) + 1
    return int(ordinal[0]) if ordinal[0].isdigit() else NUMBER_WORDS.index(ordinal)


def _parse_clock_range(unparsed: _UnparsedText) -> ClockRange | None:
    """The first of the stretches that are named; the match clock is in minutes."""
    for match in unparsed.take(rf"(?:in |of |during )?(?:the )?(first|last) ({NUMBER}) {UNIT}"):
        length = _parse_clock_time(match[2]) / (60 if match["unit"].startswith("s") else 1)
        return ClockRange(**{match[1]: length})
    for match in unparsed.take(rf"(?:between|from) {TIME} (?:and|to|until) {TIME}"):
        return ClockRange(_parse_clock_time(match[1]), _parse_clock_time(match[2]))
    for match in unparsed.take(rf"(?:after|since|from) {TIME}"):
        return ClockRange(_parse_clock_time(match[1]))
    for match in unparsed.take(rf"(?:before|until|up to) {TIME}"):
        return ClockRange(0.0, _parse_clock_time(match[1]))
    for match in unparsed.take(r"in (?:the )?(\d{1,4})(?:st|nd|rd|th) minute"):
        return ClockRange(_parse_clock_time(match[1]) - 60, _parse_clock_time(match[1]))
    return None


def _parse_clock_time(text: str) -> float:
    """`10`, `ten` and `10:00` are ten minutes of the match clock."""
    minutes, _, seconds = text.partition(":")
    return 60.0 * _parse_number(minutes) + float(seconds or 0)


def _parse_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return TENS[text] if text in TENS else NUMBER_WORDS.index(text)


def _parse_team(unparsed: _UnparsedText, clubs: TeamNames) -> str:
    """`home`, `away`, or "" when no team is named or both are."""
    generic_patterns = {
        "home": [r"home(?=(?: team| side))"],
        "away": [r"(?:away|visiting)(?=(?: team| side))"],
    }
    patterns_by_side = {
        side: [*generic_patterns[side], *map(re.escape, clubs.spellings(side))]
        for side in generic_patterns
    }
    sides = set[str]()
    for side, patterns in patterns_by_side.items():
        team_pattern = rf"(?:{'|'.join(patterns)})(?:'s)?(?: team| side)?"
        for match in unparsed.take(
            rf"((?:{NEGATION_PATTERN}) )?(?:by |of |for |from )?(?:the )?{team_pattern}"
        ):
            sides.add(OTHER_SIDE[side] if match[1] else side)
    return sides.pop() if len(sides) == 1 else ""


def _parse_limit(unparsed: _UnparsedText, words: ActionNames) -> tuple[int, bool]:
    """How many, and whether of the last: `first three goals` (3, False), `last goal` (1, True)."""
    action = rf"(?= (?:{words.pattern})(?![\w-]))"
    for match in unparsed.take(rf"(first|last|latest|final)(?: ({COUNT}))?{action}"):
        return _parse_number(match[2]) if match[2] else 1, match[1] != "first"
    for match in unparsed.take(rf"(?<!:)({COUNT}){action}"):
        return _parse_number(match[1]), False
    return 0, False


def _parse_actions(
    unparsed: _UnparsedText, sport: Sport, words: ActionNames
) -> tuple[list[str], set[str], bool]:
    """(wanted, ruled out, whether anything was named), the wanted in the sport's order."""
    included: set[str] = set()
    excluded: set[str] = set()

    marks = (
        rf"(?P<no>{NEGATION_PATTERN})|(?P<yes>{RESUME_PATTERN})|(?P<all>{'|'.join(ALL_PATTERNS)})"
    )
    negated, everything = False, False
    unparsed.text = re.sub(r"([;.])", r" \1 ", unparsed.text)
    for match in unparsed.take(rf"{marks}|(?P<word>{words.pattern})"):
        if match["no"] or match["yes"]:
            negated, unparsed.match_count = bool(match["no"]), unparsed.match_count - 1
        elif match["all"]:
            everything = everything or not negated
        else:
            (excluded if negated else included).update(words.words_for(match["word"]))
    sport_actions = tuple(dict.fromkeys(sport.words.values()))
    if (everything or excluded) and not included:
        included = set(sport.spotting_words or sport_actions)
    return (
        [word for word in sport_actions if word in included],
        excluded,
        bool(included or excluded),
    )


def _raise_not_understood(text: str, sport: Sport, unknown_words: tuple[str, ...]) -> None:
    unknown = (
        f" (not understood: {' '.join(unknown_words)[:MAX_QUOTED_LETTERS]})"
        if unknown_words
        else ""
    )
    wrong = f"asks for nothing that is known in {sport.name}{unknown}"
    raise InputError(f'"{text[:MAX_QUOTED_LETTERS]}"', wrong, _remedy(sport))


def _remedy(sport: Sport) -> str:
    actions = ", ".join(dict.fromkeys(sport.words.values())) or "nothing yet"
    free_hint = "or add --free to put your own words to the model"
    return f"ask in English for one or more of: {actions}; {REQUEST_HINT}; {free_hint}"
