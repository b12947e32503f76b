"""Volleyball: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

VOLLEYBALL = Sport(
    name="volleyball", idle="play", words={}, spotting_words=(), reach=1.0, keywords={}
)
