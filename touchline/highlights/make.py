"""From a request to a reel: understand, watch, merge, cut, and lay the evidence beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from touchline.clock import spoken
from touchline.faults import BadInput
from touchline.highlights.film import Cut, Encoding, starts, write_reel
from touchline.highlights.match import Part, narrowed, parts
from touchline.highlights.merge import Found, Said, merged
from touchline.highlights.model import Model
from touchline.highlights.request import as_said, understand
from touchline.highlights.sheet import write_sheet
from touchline.highlights.watch import Film, answered, film
from touchline.highlights.wish import ORDINALS, Wish
from touchline.products import whole_file
from touchline.records import Clip, Question, Speech, Trajectory
from touchline.sports import SPORTS
from touchline.stage import Params
from touchline.tasks.spotting import intervals


class Settings(Params):
    """The section `highlights` of params.yaml."""

    stride: float
    least: float
    before: float
    after: float
    batch: int
    turn_tokens: int
    encoding: Encoding


@dataclass(frozen=True)
class Highlight:
    """One action that was found; times in seconds."""

    action: str
    file: str
    period: int  # 0: not known
    start: float  # of the file
    end: float
    match_start: float  # on the match clock
    match_end: float
    reel_start: float  # where the reel shows `start` and `end`
    reel_end: float
    votes: int  # clips that found it
    looks: int  # clips that show it
    answers: tuple[str, ...]  # ids


@dataclass(frozen=True)
class Made:
    """What came of a request; `reel` is None when nothing was found."""

    wish: Wish
    highlights: tuple[Highlight, ...]
    cuts: tuple[Cut, ...]
    notes: tuple[str, ...]
    reel: Path | None
    json: Path
    page: Path


@dataclass(frozen=True)
class _Spot:
    part: Part
    action: str
    found: Found


def plan(
    films: Sequence[Path],
    request: str,
    sport: str,
    kickoff2: float | None = None,
    free: bool = False,
) -> tuple[Wish, list[Part]]:
    """What is understood and which parts of the files it is about; raises before any long work."""
    wish = as_said(request, sport) if free else understand(request, sport)
    if wish.team:
        wrong = f"asks for the {wish.team} team, which no model here was taught to tell"
        raise BadInput(f'"{request}"', wrong, "leave the team out")
    return wish, narrowed(parts(films, sport, kickoff2), wish)


def make(
    films: Sequence[Path],
    request: str,
    model: Model,
    settings: Settings,
    out: Path,
    cache: Path,
    *,
    sport: str = "soccer",
    kickoff2: float | None = None,
    free: bool = False,
    speech: Mapping[Path, Sequence[Speech]] | None = None,
) -> Made:
    """Write the reel `out`, and beside it `.json` and `.html`; without a find no reel is written.

    `films`: the match in one file, or a file per period; `free`: the request is no list of actions,
    its own words are put to the model; `speech`: lines of commentary by file.
    What the model saw and said is kept below `cache` for the next request. Raises `BadInput` when
    the request or a file cannot be understood, and when `out` is a file of somebody else.
    """
    _mine(out)
    wish, chosen = plan(films, request, sport, kickoff2, free)
    cut = model.trained.chunk
    files = list({part.shown.path: part.shown for part in chosen}.values())
    seen = [film(one, chosen, wish, cut, settings.stride, cache) for one in files]
    heard = {one.sha256: (speech or {}).get(one.shown.path, ()) for one in seen}
    answers = list(answered(seen, wish, model, heard, cache))
    spots = _limited(_spots(answers, chosen, wish, model, settings), wish)
    cuts, places = _cuts(spots, settings)
    found = tuple(_highlight(spot, cuts, at) for spot, at in zip(spots, places, strict=True))
    notes = _notes(wish, files, bool(speech), model)
    page, data = out.with_suffix(".html"), out.with_suffix(".json")
    with whole_file(out) as draft, whole_file(page) as sheet, whole_file(data) as facts:
        made = Made(wish, found, tuple(cuts), notes, out if cuts else None, data, page)
        if cuts:
            write_reel(draft, cuts, settings.encoding)
        else:
            draft.touch()  # so that an older reel gives way, and is removed below
        write_sheet(sheet, request, made, answers, model)
        said = _json(request, made, answers, seen, model, settings)
        facts.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not cuts:
        out.unlink()
    return made


def _mine(out: Path) -> None:
    if out.suffix != ".mp4":
        raise BadInput(f"-o {out}", "is no .mp4", "name the reel something.mp4")
    if not out.parent.is_dir():
        raise BadInput(f"-o {out}", "its folder does not exist", "make the folder first")
    if any(out.with_suffix(kind).exists() for kind in (".mp4", ".html")) and not (
        out.with_suffix(".json").exists()
    ):
        raise BadInput(f"-o {out}", "exists and is no reel of ours", "choose another name")


def _spots(
    answers: Sequence[tuple[Film, Clip, Question, Trajectory]],
    chosen: Sequence[Part],
    wish: Wish,
    model: Model,
    settings: Settings,
) -> list[_Spot]:
    """Merged actions whose middle lies in what was asked for, by time of the match."""
    spots = []
    for part in chosen:
        mine = [row for row in answers if row[0].shown.path == part.shown.path]
        clips = sorted({(clip.start, clip.end) for _, clip, _, _ in mine})
        for action in wish.actions:
            said = [one for row in mine if row[2].action == action for one in _said(row, model)]
            for found in merged(said, clips, settings.least):
                if part.start <= (found.start + found.end) / 2 < part.end:
                    spots.append(_Spot(part, action, found))
    return sorted(spots, key=lambda s: (chosen.index(s.part), s.found.start, s.action))


def _said(row: tuple[Film, Clip, Question, Trajectory], model: Model) -> list[Said]:
    one, clip, asked, answer = row
    within = [
        (max(0.0, start) + clip.start, min(clip.end - clip.start, end) + clip.start)
        for start, end in intervals(answer.answer, model.trained.dialogue.zero(clip))
    ]
    bounds = (clip.start, clip.end)
    return [
        Said(bounds, start, min(end, one.shown.end), asked.id)
        for start, end in within
        if start < end
    ]


def _limited(spots: list[_Spot], wish: Wish) -> list[_Spot]:
    if not wish.most:
        return spots
    return spots[-wish.most :] if wish.latest else spots[: wish.most]


def _cuts(spots: Sequence[_Spot], settings: Settings) -> tuple[list[Cut], list[int]]:
    """Exact stretches with their margins; those that overlap are one. And which cut is whose."""
    cuts: list[Cut] = []
    places: list[int] = []
    for spot in spots:
        shown, part = spot.part.shown, spot.part
        start = max(0.0, spot.found.start - settings.before)
        first, last = shown.exact(start, min(spot.found.end + settings.after, shown.end))
        title = f"{spot.action} {spoken(round(part.match_time(spot.found.start)))}"
        before = cuts[-1] if cuts else None
        if before and before.shown.path == shown.path and first <= before.end:
            end = max(before.end, last)
            cuts[-1] = Cut(shown, before.start, end, f"{before.title}, {title}")
        else:
            cuts.append(Cut(shown, first, last, title))
        places.append(len(cuts) - 1)
    return cuts, places


def _highlight(spot: _Spot, cuts: Sequence[Cut], at: int) -> Highlight:
    offset = starts(cuts)[at] - cuts[at].start
    start, end = spot.found.start, spot.found.end
    return Highlight(
        spot.action,
        spot.part.shown.path.name,
        spot.part.period,
        *(start, end, spot.part.match_time(start), spot.part.match_time(end)),
        *(start + offset, min(end, cuts[at].end) + offset),
        *(spot.found.votes, spot.found.looks, spot.found.answers),
    )


def _notes(wish: Wish, files: Sequence[Any], spoken_of: bool, model: Model) -> tuple[str, ...]:
    """What one should know before believing the reel."""
    notes = []
    untaught = [word for word in wish.actions if word not in SPORTS[wish.sport].asked]
    if wish.own:
        guess = (
            "was put to the model as it stands; it was not taught these words and may only guess"
        )
        notes.append(f'"{wish.actions[0]}" {guess}')
    elif untaught:
        notes.append(f"not among the actions that models are taught to find: {', '.join(untaught)}")
    if wish.left_out:
        notes.append(f"not understood and left out: {' '.join(wish.left_out)}")
    notes += [f"{one.path.name} breaks off at {spoken(one.end)}" for one in files if one.broken]
    if spoken_of != model.trained.ask.commentary:
        how = "without" if spoken_of else "with"
        notes.append(f"the model was trained {how} commentary in its questions")
    return tuple(notes)


def _json(
    request: str,
    made: Made,
    answers: Sequence[tuple[Film, Clip, Question, Trajectory]],
    films: Sequence[Film],
    model: Model,
    settings: Settings,
) -> dict[str, Any]:
    """The record of a reel: no path but the names of files."""
    return {
        "request": request,
        "understood": made.wish.said(),
        "wish": _plain(made.wish),
        "periods": [ORDINALS[n - 1] for n in made.wish.periods],
        "notes": made.notes,
        "model": {"name": model.name, "sha256": model.digest, **model.trained.model_dump()},
        "settings": settings.model_dump(),
        "files": [{"name": one.shown.path.name, "sha256": one.sha256} for one in films],
        "reel": made.reel.name if made.reel else None,
        "highlights": [asdict(one) for one in made.highlights],
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
