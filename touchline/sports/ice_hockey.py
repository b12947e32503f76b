"""Ice hockey: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

ICE_HOCKEY = Sport(
    name="ice hockey", idle="play", words={}, spotting_words=(), reach=1.0, keywords={}
)
