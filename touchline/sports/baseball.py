"""Baseball: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

BASEBALL = Sport(name="baseball", idle="play", words={}, spotting_words=(), reach=1.0, keywords={})
