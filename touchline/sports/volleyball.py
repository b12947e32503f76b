"""Volleyball: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

VOLLEYBALL = Sport("volleyball", "play", {}, (), 1.0, {})
