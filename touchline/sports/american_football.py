"""American football: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

AMERICAN_FOOTBALL = Sport("american football", "play", {}, (), 1.0, {})
