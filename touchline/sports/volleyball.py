"""Volleyball: known so far from questions that sources bring, not from labels."""

from touchline.sports.sport import Sport

VOLLEYBALL = Sport("volleyball", "play", {}, (), 1.0, {})
