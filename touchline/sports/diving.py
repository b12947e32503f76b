"""Diving: where the steps of a dive begin, from the take-off to the water."""

from touchline.sports.sport import Sport

WORDS = {
    "Som(s).Pike": "pike somersault",
    "Som(s).Tuck": "tuck somersault",
    "Twist(s)": "twist",
    "Entry": "entry",
}
DIVING = Sport("diving", "waiting", WORDS, tuple(WORDS.values()), 0.25, {}, interval=2.0)
