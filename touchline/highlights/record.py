"""The record of a reel: what one should know before believing it, and everything as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from touchline.chat.timecode import spoken
from touchline.highlights.cut_video import starts
from touchline.highlights.frame_index import Shown
from touchline.highlights.model import Model
from touchline.highlights.spots import Made, Omitted
from touchline.highlights.watch import Answered, Film
from touchline.highlights.wish import ORDINALS, Wish
from touchline.sports import SPORTS


def notes(
    wish: Wish, files: Sequence[Shown], heard: bool, model: Model, left: Sequence[Omitted]
) -> tuple[str, ...]:
    """What one should know before believing the reel; `heard`: commentary was given."""
    found = []
    untaught = [word for word in wish.actions if word not in SPORTS[wish.sport].asked]
    if wish.own:
        guess = (
            "was put to the model as it stands; it was not taught these words and may only guess"
        )
        found.append(f'"{wish.actions[0]}" {guess}')
    elif untaught:
        found.append(f"not among the actions that models are taught to find: {', '.join(untaught)}")
    if wish.left_out:
        found.append(f"not understood and left out: {' '.join(wish.left_out)}")
    found += [f"{one.path.name} breaks off at {spoken(one.end)}" for one in files if one.broken]
    if heard and not model.trained.ask.commentary:
        found.append("the model was trained without commentary, so it was told none")
    if model.trained.ask.commentary and not heard:
        found.append("the model was trained with commentary in its questions, and there is none")
    return (*found, *_of_teams(wish, left))


def _of_teams(wish: Wish, left: Sequence[Omitted]) -> list[str]:
    """What was found and left out for its team."""
    others = sum(bool(one.team) for one in left)
    untold = [one for one in left if not one.team]
    found = [f"{others} of the other team left out"] if others else []
    if untold:
        each = "; ".join(f"{o.action} {spoken(round(o.match_start))}: {o.told_by}" for o in untold)
        found.append(f"{len(untold)} left out, for nothing tells their team ({each})")
    return found


def record(
    request: str,
    made: Made,
    answers: Sequence[Answered],
    films: Sequence[Film],
    model: Model,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """All of it as plain data: no path but the names of files."""
    return {
        "request": request,
        "understood": made.wish.said(),
        "wish": _plain(made.wish),
        "periods": [ORDINALS[n - 1] for n in made.wish.periods],
        "notes": made.notes,
        "model": {"name": model.name, "sha256": model.digest, **model.trained.model_dump()},
        "settings": settings,
        "files": [{"name": one.shown.path.name, "sha256": one.sha256} for one in films],
        "reel": made.reel.name if made.reel else None,
        "highlights": [asdict(one) for one in made.highlights],
        "omitted": [asdict(one) for one in made.omitted],
        "chapters": [
            {"title": cut.title, "file": cut.shown.path.name, "start": cut.start, "end": cut.end}
            | {"reel_start": at, "reel_end": at + cut.length}
            for cut, at in zip(made.cuts, starts(made.cuts), strict=False)
        ],
        "answers": [
            {"id": asked.id, "file": one.shown.path.name, "start": clip.start, "end": clip.end}
            | {"action": asked.action, "answer": answer.answer, "windows": answer.windows}
            for one, clip, asked, answer in answers
        ],
    }


def _plain(wish: Wish) -> dict[str, Any]:
    """JSON knows no infinity: an open end is null."""
    found = asdict(wish)
    if wish.stretch and wish.stretch.end == float("inf"):
        found["stretch"]["end"] = None
    return found
