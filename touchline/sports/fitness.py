"""Fitness: repeated exercises, including their spellings in the data sets' files."""

from touchline.sports.sport import Sport

WORDS = {
    "battle_rope": "battle rope wave",
    "battlerope": "battle rope wave",
    "bench_pressing": "bench press",
    "benchpressing": "bench press",
    "front_raise": "front raise",
    "frontraise": "front raise",
    "jump_jack": "jumping jack",
    "jumpjack": "jumping jack",
    "jumpjacks": "jumping jack",
    "others": "exercise",
    "pommelhorse": "pommel horse circle",
    "pull_up": "pull-up",
    "pullups": "pull-up",
    "push_up": "push-up",
    "pushups": "push-up",
    "situp": "sit-up",
    "squat": "squat",
    "squant": "squat",
}
KEYWORDS = {word: (word,) for word in WORDS.values()}
FITNESS = Sport(
    name="fitness", idle="rest", words=WORDS, spotting_words=(), reach=0.1, keywords=KEYWORDS
)
