"""What actions are called in a request: a sport's words, their synonyms, what several share."""

import re
from collections import defaultdict
from dataclasses import dataclass

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
