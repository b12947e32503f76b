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
    "figure skating", "gliding", WORDS, tuple(WORDS.values()), 0.25, KEYWORDS, interval=2.0
)
