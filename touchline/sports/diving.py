"""Diving: the phases of a dive."""

from touchline.sports.sport import Sport

WORDS = {
    "Som(s).Pike": "pike somersault",
    "Som(s).Tuck": "tuck somersault",
    "Twist(s)": "twist",
    "Entry": "entry",
}
KEYWORDS = {word: (word,) for word in WORDS.values()}
DIVING = Sport(
    name="diving",
    idle="waiting",
    words=WORDS,
    spotting_words=tuple(WORDS.values()),
    reach=0.25,
    keywords=KEYWORDS,
    interval=2.0,
)
