"""American football: known so far from questions that sources bring, not from labels."""

from touchline.sports.sport import Sport

AMERICAN_FOOTBALL = Sport("american football", "play", {}, (), 1.0, {})
