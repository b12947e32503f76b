"""Badminton: the strokes of the two players, named after their side of the picture."""

from touchline.sports.sport import Sport

WORDS = {"Top stroke": "top", "Bottom stroke": "bottom"}
KEYWORDS = {
    "top": ("far side", "far court", "from the back"),
    "bottom": ("near side", "near court", "from the front"),
}
BADMINTON = Sport("badminton", "break", WORDS, (), 1.5, KEYWORDS)
