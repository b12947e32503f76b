"""Figure skating: take-offs and landings of jumps and of flying spins."""

from touchline.sports.sport import Sport

WORDS = {
    "jump_takeoff": "jump take-off",
    "jump_landing": "jump landing",
    "spin_takeoff": "spin take-off",
    "spin_landing": "spin landing",
}
KEYWORDS = {word: (word,) for word in WORDS.values()}
FIGURE_SKATING = Sport(
    name="figure skating",
    idle="gliding",
    words=WORDS,
    spotting_words=tuple(WORDS.values()),
    reach=0.25,
    keywords=KEYWORDS,
    interval=2.0,
)
