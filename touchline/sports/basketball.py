"""Basketball: referee calls."""

from touchline.sports.sport import Sport

WORDS = {
    "Travelling": "travelling",
    "Charging": "charging",
    "Blocking": "blocking",
    "Goaltending": "goaltending",
    "Hand check": "hand check",
    "Double dribble": "double dribble",
}
KEYWORDS = {
    "travelling": ("travelling", "travel", "too many steps"),
    "charging": ("charging", "charge"),
    "blocking": ("blocking", "block"),
    "goaltending": ("goaltending", "goaltend"),
    "hand check": ("hand check", "hand-check"),
    "double dribble": ("double dribble", "dribbled twice"),
}
SYNONYMS = {
    "travelling": ("travel", "traveling", "walk"),
    "charging": ("charge", "offensive foul"),
    "blocking": ("blocking foul",),
    "goaltending": ("goaltend",),
    "hand check": ("hand checking", "reach in"),
    "double dribble": ("double dribbling", "illegal dribble"),
}
BASKETBALL = Sport(
    name="basketball",
    idle="play",
    words=WORDS,
    spotting_words=(),
    reach=6.0,
    keywords=KEYWORDS,
    synonyms=SYNONYMS,
    asks_for_call=True,
)
