"""American football: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

AMERICAN_FOOTBALL = Sport(
    name="american football", idle="play", words={}, spotting_words=(), reach=1.0, keywords={}
)
