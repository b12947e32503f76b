"""Baseball: sources provide questions but no action labels."""

from touchline.sports.sport import Sport

BASEBALL = Sport("baseball", "play", {}, (), 1.0, {})
