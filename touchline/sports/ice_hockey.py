"""Ice hockey: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

ICE_HOCKEY = Sport("ice hockey", "play", {}, (), 1.0, {})
