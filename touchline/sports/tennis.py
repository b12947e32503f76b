"""Tennis: serves, swings and bounces on the near and the far side of the net."""

from touchline.sports.sport import Sport

WORDS = {
    "near_court_serve": "near court serve",
    "near_court_swing": "near court swing",
    "near_court_bounce": "near court bounce",
    "far_court_serve": "far court serve",
    "far_court_swing": "far court swing",
    "far_court_bounce": "far court bounce",
}
KEYWORDS = {word: (word,) for word in WORDS.values()}
SYNONYMS = {word: (word.split()[-1],) for word in WORDS.values()}  # a serve is one of either side
TENNIS = Sport(
    name="tennis",
    idle="play",
    words=WORDS,
    spotting_words=tuple(WORDS.values()),
    reach=0.25,
    keywords=KEYWORDS,
    interval=2.0,
    synonyms=SYNONYMS,
    period="set",
)
