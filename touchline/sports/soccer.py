"""Soccer: the 17 classes of SoccerNet-v2 and the seven actions of the spotting paper."""

from touchline.sports.sport import Sport

WORDS = {
    "Penalty": "penalty",
    "Kick-off": "kick-off",
    "Goal": "goal",
    "Substitution": "substitution",
    "Offside": "offside",
    "Shots on target": "shot on target",
    "Shots off target": "shot off target",
    "Clearance": "clearance",
    "Ball out of play": "ball out",
    "Throw-in": "throw-in",
    "Foul": "foul",
    "Indirect free-kick": "free-kick",  # the paper asks for both kinds as one
    "Direct free-kick": "free-kick",
    "Corner": "corner",
    "Yellow card": "yellow card",
    "Red card": "red card",
    "Yellow->red card": "second yellow",
}
SPOTTING_WORDS = (
    "corner",
    "shot on target",
    "goal",
    "clearance",
    "foul",
    "free-kick",
    "substitution",
)
KEYWORDS = {
    "penalty": ("penalty", "the spot"),
    "kick-off": ("kick-off", "kick off", "under way"),
    "goal": ("goal", "scores", "back of the net"),
    "substitution": ("substitution", "replaces", "comes on", "coming off"),
    "offside": ("offside", "flag is up"),
    "shot on target": ("save", "saved", "on target"),
    "shot off target": ("wide", "over the bar", "off target"),
    "clearance": ("clearance", "clears", "cleared", "goal kick"),
    "ball out": ("out of play", "into touch"),
    "throw-in": ("throw-in", "throw"),
    "foul": ("foul", "brings him down", "brought down"),
    "free-kick": ("free-kick", "free kick"),
    "corner": ("corner",),
    "yellow card": ("yellow card", "booked"),
    "red card": ("red card", "sent off"),
    "second yellow": ("second yellow",),
}
SYNONYMS = {
    "penalty": ("spot kick", "penalty kick", "pk"),
    "kick-off": ("kickoff",),
    "goal": ("score", "scoring"),
    "substitution": ("sub", "change of players", "player change"),
    "shot on target": ("save", "saved shot", "shot at goal"),
    "shot off target": ("miss", "missed shot", "wide shot"),
    "ball out": ("ball out of play", "out of play"),
    "throw-in": ("throw in",),
    "foul": ("tackle", "rough tackle"),
    "free-kick": ("direct free-kick", "indirect free-kick", "set piece", "fk"),
    "corner": ("corner kick",),
    "yellow card": ("yellow", "booking", "caution"),
    "red card": ("red", "sending off", "sending-off", "dismissal"),
    "second yellow": ("second yellow card", "second booking"),
}
SOCCER = Sport(
    name="soccer",
    idle="play",
    words=WORDS,
    spotting_words=SPOTTING_WORDS,
    reach=6.0,
    keywords=KEYWORDS,
    synonyms=SYNONYMS,
    period_seconds=45 * 60,
    has_running_clock=True,
    score_label="Goal",
    told_words=("goal", "corner", "shot on target"),
)
