"""Turn a request into a highlight reel: parse it, query the model clip by clip, merge the answers,
cut the video, write the contact sheet.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError
from touchline.highlights.contact_sheet import write_contact_sheet
from touchline.highlights.cut_video import ReelEncoding, write_reel_video
from touchline.highlights.match import MatchPart, list_match_parts, select_match_parts
from touchline.highlights.model import HighlightModel
from touchline.highlights.record import build_reel_record, list_reel_notes
from touchline.highlights.request import parse_free_request, parse_highlight_request
from touchline.highlights.spots import (
    ReelResult,
    build_highlight,
    build_omitted_action,
    choose_spotted_actions,
    find_spotted_actions,
    lay_out_cuts,
)
from touchline.highlights.teams import TeamEvidence
from touchline.highlights.watch import answer_match_clips, prepare_match_file
from touchline.highlights.wish import ReelQuery
from touchline.records.speech import Speech

NO_TEAM_EVIDENCE = TeamEvidence()
REEL_SUFFIXES = (".mp4", ".html", ".json")  # the files of a reel


class HighlightSettings(Params):
    """The section `highlights` of params.yaml."""

    stride: PositiveFloat
    least: float
    before: NonNegativeFloat
    after: NonNegativeFloat
    batch: PositiveInt
    turn_tokens: PositiveInt
    encoding: ReelEncoding


def plan_reel(
    films: Sequence[Path],
    request: str,
    sport: str,
    kickoff2: float | None = None,
    free: bool = False,
    sides: TeamEvidence = NO_TEAM_EVIDENCE,
) -> tuple[ReelQuery, list[MatchPart]]:
    """Parse the request and select the parts of the match that it is about. Returns (query, parts).

    Reads only the frame times of the files, so bad input raises `InputError` before any slow work.
    """
    wish = (parse_free_request if free else parse_highlight_request)(request, sport, sides.clubs)
    sides.check(wish, request)
    return wish, select_match_parts(list_match_parts(films, sport, kickoff2), wish)


def make_reel(
    films: Sequence[Path],
    request: str,
    model: HighlightModel,
    settings: HighlightSettings,
    out: Path,
    cache: Path,
    *,
    sport: str = "soccer",
    kickoff2: float | None = None,
    free: bool = False,
    speech: Mapping[Path, Sequence[Speech]] | None = None,
    sides: TeamEvidence = NO_TEAM_EVIDENCE,
) -> ReelResult:
    """Write the reel `out` (.mp4), and next to it its record (.json) and contact sheet (.html). If
    nothing is found, no .mp4 is written.

    `films`: the match in one file, or one file per period. `free`: put the request's own words to
    the model instead of known actions. `speech`: commentary lines by file, used only by a model
    trained with commentary. `sides`: sources for telling the teams apart. Frames and answers are
    cached below `cache`. Raises `InputError` for an invalid request or file, and if `out` exists
    and is not a reel written by this function.
    """
    check_reel_path(out)
    wish, match_parts = plan_reel(films, request, sport, kickoff2, free, sides)
    files = list({part.frame_index.path: part.frame_index for part in match_parts}.values())
    trained = model.trained
    match_files = [
        prepare_match_file(file, match_parts, wish, trained.chunk, settings.stride, cache)
        for file in files
    ]
    speech_by_file = (speech or {}) if trained.ask.commentary else {}
    speech_by_sha256 = {
        file.sha256: speech_by_file.get(file.frame_index.path, ()) for file in match_files
    }
    answers = list(answer_match_clips(match_files, wish, model, speech_by_sha256, cache))
    spotted = find_spotted_actions(answers, match_parts, wish, model, settings.least, sides)
    kept, left_out = choose_spotted_actions(spotted, wish, sides.keep)
    reel_cuts, places = lay_out_cuts(kept, settings.before, settings.after)
    highlights = tuple(
        build_highlight(spot, reel_cuts, at) for spot, at in zip(kept, places, strict=True)
    )
    omissions = tuple(map(build_omitted_action, left_out))
    reel_notes = list_reel_notes(wish, files, bool(speech), model, omissions)
    result = ReelResult(
        wish=wish,
        highlights=highlights,
        omitted=omissions,
        cuts=tuple(reel_cuts),
        notes=reel_notes,
        reel=out if reel_cuts else None,
        json=out.with_suffix(".json"),
        page=out.with_suffix(".html"),
    )
    reel_record = build_reel_record(
        request, result, answers, match_files, model, settings.model_dump()
    )
    write_reel_files(
        result,
        out,
        settings.encoding,
        reel_record,
        lambda page: write_contact_sheet(page, request, result, answers, model, sides.clubs),
    )
    return result


def write_reel_files(
    result: ReelResult,
    out: Path,
    encoding: ReelEncoding,
    reel_record: Mapping[str, Any],
    write_page: Callable[[Path], None],
) -> None:
    """Write video, page and record together or not at all; without a cut no video is left."""
    with (
        atomic_file(out) as draft,
        atomic_file(result.page) as page,
        atomic_file(result.json) as record_draft,
    ):
        if result.cuts:
            write_reel_video(draft, result.cuts, encoding)
        else:
            draft.touch()  # so that an older reel gives way, and is removed below
        write_page(page)
        text = json.dumps(reel_record, indent=1, ensure_ascii=False)
        record_draft.write_text(f"{text}\n", encoding="utf-8")
    if not result.cuts:
        out.unlink()


def check_reel_path(out: Path) -> None:
    """Check that a reel may be written to `out`. Raises `InputError` if it is not an .mp4, its
    folder is missing, or it would overwrite files that are not an earlier reel.
    """
    if out.suffix != ".mp4":
        raise InputError(f"-o {out}", "is no .mp4", "name the reel something.mp4")
    if not out.parent.is_dir():
        raise InputError(f"-o {out}", "its folder does not exist", "make the folder first")
    existing = [file for kind in REEL_SUFFIXES if (file := out.with_suffix(kind)).exists()]
    if existing and not _is_reel_record(out.with_suffix(".json")):
        wrong = f"{existing[0].name} is there and is not a reel of ours"
        raise InputError(f"-o {out}", wrong, "choose another name")


def _is_reel_record(file: Path) -> bool:
    """Whether this is the record of a reel, so that it may be replaced with what lies beside it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"request", "understood", "highlights"} <= content.keys()
