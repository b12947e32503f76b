"""Badminton: strokes by side of the court, or by ShuttleSet's stroke types."""

from touchline.sports.sport import Sport

SIDES = {"Top stroke": "top", "Bottom stroke": "bottom"}
STROKES = {  # ShuttleSet's names
    "發短球": "short serve",
    "發長球": "long serve",
    "長球": "clear",
    "殺球": "smash",
    "點扣": "wrist smash",
    "切球": "drop",
    "過度切球": "passive drop",
    "過渡切球": "passive drop",
    "挑球": "lift",
    "防守回挑": "defensive lift",
    "推球": "push",
    "撲球": "net kill",
    "放小球": "net shot",
    "擋小球": "net block",
    "勾球": "cross-court net shot",
    "平球": "drive",
    "小平球": "short drive",
    "後場抽平球": "back-court drive",
    "防守回抽": "defensive drive",
    "未知球種": "stroke",  # the annotator could not tell
}
KEYWORDS = {
    **{word: (word,) for word in STROKES.values()},
    "top": ("far side", "far court", "from the back"),
    "bottom": ("near side", "near court", "from the front"),
}
SYNONYMS = {
    "top": ("stroke of the far player", "far side"),
    "bottom": ("stroke of the near player", "near side"),
    "short serve": ("serve",),
    "long serve": ("serve", "high serve"),
    "smash": ("kill",),
    "clear": ("lob",),
    "drop": ("drop shot",),
    "drive": ("flat shot",),
}
BADMINTON = Sport(
    name="badminton",
    idle="break",
    words={**SIDES, **STROKES},
    spotting_words=(),
    reach=1.5,
    keywords=KEYWORDS,
    synonyms=SYNONYMS,
    period="game",
    asks_for_count=True,
)
