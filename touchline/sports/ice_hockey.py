"""Ice hockey: known so far from questions that sources bring, not from labels."""

from touchline.sports.sport import Sport

ICE_HOCKEY = Sport("ice hockey", "play", {}, (), 1.0, {})
