"""How often commentary tells whose action it was, and how often rightly: on labelled real matches.

`python -m benchmarks.sides SOCCERNET ECHOES` reads Labels-v2.json below the first folder and
`{half}_asr.json` below the same game of the second. The names of the teams are those of the
game's folder. The window was chosen on the games at even places of the sorted list, and the actions
that are told (`sides.TOLD`) among those that stood the test on the games at odd places.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from touchline.highlights import teams as telling
from touchline.highlights.teams import TeamEvidence
from touchline.highlights.wish import TeamNames
from touchline.records.speech import Speech
from touchline.sports import SPORTS

GAME = re.compile(r".* - \d\d-\d\d (.+) \d+ - \d+ (.+)")
FILES = Path("1"), Path("2")
SECONDS = 6.0  # on each side of a label: what the pipeline takes for the action


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("soccernet", type=Path)
    parser.add_argument("echoes", type=Path)
    given = parser.parse_args()
    telling.COMMENTARY_ACTIONS = {
        "soccer": tuple(set(SPORTS["soccer"].words.values()))
    }  # to see what it is worth
    games = [g for g in sorted(given.soccernet.rglob("Labels-v2.json")) if _speech(g, given)]
    for name, chosen in (("even", games[::2]), ("odd", games[1::2])):
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for game in chosen:
            _count(game, _speech(game, given), counts)
        print(f"{name}: {len(chosen)} games")
        for action in sorted(action for action in counts if counts[action].total() >= 100):
            right, wrong = counts[action]["right"], counts[action]["wrong"]
            every = counts[action].total()
            share = right / max(right + wrong, 1)
            print(f"| {action} | {every} | {right + wrong} | {right} | {share:.2f} |")


def _speech(game: Path, given: Any) -> dict[Path, list[Speech]]:
    """Lines by half; none where a half is missing."""
    folder = given.echoes / game.parent.relative_to(given.soccernet)
    files = [folder / f"{half}_asr.json" for half in FILES]
    if not all(file.is_file() for file in files):
        return {}
    return {half: _lines(file) for half, file in zip(FILES, files, strict=True)}


def _lines(file: Path) -> list[Speech]:
    segments = json.loads(file.read_text())["segments"]
    return [
        Speech(key, "", start, end, text, file.name) for key, (start, end, text) in segments.items()
    ]


def _count(game: Path, speech: dict[Path, list[Speech]], counts: dict[str, Counter[str]]) -> None:
    named = GAME.fullmatch(game.parent.name)
    assert named, game
    sides = TeamEvidence("soccer", TeamNames((named[1],), (named[2],)), speech)
    part: Any = SimpleNamespace(match_time=lambda time: time)
    for row in json.loads(game.read_text())["annotations"]:
        action, at = SPORTS["soccer"].words[row["label"]], int(row["position"]) / 1000
        if row["team"] in ("home", "away"):
            half = Path(row["gameTime"][0])
            said = sides.attribute_team(action, half, at - SECONDS, at + SECONDS, part).team
            counts[action][
                "untold" if not said else "right" if said == row["team"] else "wrong"
            ] += 1


if __name__ == "__main__":
    main()
