"""Baseball: known so far from questions that sources bring, not from labels."""

from touchline.sports.sport import Sport

BASEBALL = Sport("baseball", "play", {}, (), 1.0, {})
