"""From a request to a reel: understand, watch, merge, cut, and lay the evidence beside it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from touchline.atomic import whole_file
from touchline.config import Params
from touchline.errors import BadInput
from touchline.highlights.contact_sheet import write_sheet
from touchline.highlights.cut_video import Encoding, write_reel
from touchline.highlights.match import Part, narrowed, parts
from touchline.highlights.model import Model
from touchline.highlights.record import notes, record
from touchline.highlights.request import as_said, understand
from touchline.highlights.spots import Made, chosen, cuts, highlight, omitted, spots
from touchline.highlights.teams import Sides
from touchline.highlights.watch import answered, film
from touchline.highlights.wish import Wish
from touchline.records import Speech

NOBODY = Sides()
KINDS = (".mp4", ".html", ".json")  # the files of a reel


class Settings(Params):
    """The section `highlights` of params.yaml."""

    stride: PositiveFloat
    least: float
    before: NonNegativeFloat
    after: NonNegativeFloat
    batch: PositiveInt
    turn_tokens: PositiveInt
    encoding: Encoding


def plan(
    films: Sequence[Path],
    request: str,
    sport: str,
    kickoff2: float | None = None,
    free: bool = False,
    sides: Sides = NOBODY,
) -> tuple[Wish, list[Part]]:
    """What is understood and which parts of the files it is about; raises before any long work."""
    wish = (as_said if free else understand)(request, sport, sides.clubs)
    sides.check(wish, request)
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
    sides: Sides = NOBODY,
) -> Made:
    """Write the reel `out`, and beside it `.json` and `.html`; without a find no reel is written.

    `films`: the match in one file, or a file per period; `free`: the request is no list of actions,
    its own words are put to the model; `speech`: lines of commentary by file, told to a model
    that was trained with commentary; `sides`: what can tell the teams.
    What the model saw and said is kept below `cache` for the next request. Raises `BadInput` when
    the request or a file cannot be understood, and when `out` is a file of somebody else.
    """
    mine(out)
    wish, stretches = plan(films, request, sport, kickoff2, free, sides)
    files = list({part.shown.path: part.shown for part in stretches}.values())
    how = model.trained
    seen = [film(one, stretches, wish, how.chunk, settings.stride, cache) for one in files]
    told = (speech or {}) if how.ask.commentary else {}
    heard = {one.sha256: told.get(one.shown.path, ()) for one in seen}
    answers = list(answered(seen, wish, model, heard, cache))
    every = spots(answers, stretches, wish, model, settings.least, sides)
    ours, others = chosen(every, wish, sides.keep)
    laid, places = cuts(ours, settings.before, settings.after)
    found = tuple(highlight(spot, laid, at) for spot, at in zip(ours, places, strict=True))
    left = tuple(map(omitted, others))
    said = notes(wish, files, bool(speech), model, left)
    page, data = out.with_suffix(".html"), out.with_suffix(".json")
    made = Made(wish, found, left, tuple(laid), said, out if laid else None, data, page)
    with whole_file(out) as draft, whole_file(page) as sheet, whole_file(data) as facts:
        if laid:
            write_reel(draft, laid, settings.encoding)
        else:
            draft.touch()  # so that an older reel gives way, and is removed below
        write_sheet(sheet, request, made, answers, model, sides.clubs)
        plain = record(request, made, answers, seen, model, settings.model_dump())
        facts.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not laid:
        out.unlink()
    return made


def mine(out: Path) -> None:
    """Raises `BadInput` where no reel may be written."""
    if out.suffix != ".mp4":
        raise BadInput(f"-o {out}", "is no .mp4", "name the reel something.mp4")
    if not out.parent.is_dir():
        raise BadInput(f"-o {out}", "its folder does not exist", "make the folder first")
    there = [file for kind in KINDS if (file := out.with_suffix(kind)).exists()]
    if there and not _ours(out.with_suffix(".json")):
        wrong = f"{there[0].name} is there and is no reel of ours"
        raise BadInput(f"-o {out}", wrong, "choose another name")


def _ours(file: Path) -> bool:
    """Whether this is the record of a reel, so that it may be replaced with what lies beside it."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(held, dict) and {"request", "understood", "highlights"} <= held.keys()
