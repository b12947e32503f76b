"""`touchline highlights`: arguments of the command, and its printed result."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runs import worktree
from touchline.chat.timecode import format_time, parse_time
from touchline.config import load_params_section
from touchline.errors import InputError

if TYPE_CHECKING:
    from touchline.highlights.spots import ReelResult
    from touchline.highlights.teams import TeamEvidence
    from touchline.records.speech import Speech

    Lines = dict[Path, list[Speech]]

CACHE = ".touchline/highlights"


def run_highlights(args: argparse.Namespace) -> int:
    """Make the highlight reel and print what was found. Returns 0 even if nothing was found."""
    from touchline.highlights import make, model

    root = worktree.find_checkout()
    settings = load_params_section(make.HighlightSettings, "highlights", root / "params.yaml")
    films = _video_paths(args)
    make.check_reel_path(args.out)
    kickoff2 = _parse_kickoff(args.kickoff2)
    speech = _read_commentary(films, args.commentary)
    sides = _load_teams(args, films, kickoff2, speech)
    query, _ = make.plan_reel(films, args.request, args.sport, kickoff2, args.free, sides)
    sys.stderr.write(f"understood: {query.describe()}\n")
    folder = model.find_latest_model(root) if args.model == "latest" else Path(args.model)
    vision_model = model.open_highlight_model(folder, settings.batch, settings.turn_tokens)
    options = {"sport": args.sport, "kickoff2": kickoff2, "free": args.free, "speech": speech}
    outputs = (args.out, root / CACHE)
    result = make.make_reel(
        films, args.request, vision_model, settings, *outputs, **options, sides=sides
    )
    sys.stdout.write(_format_result(result))
    return 0


def _load_teams(
    args: argparse.Namespace, films: list[Path], kickoff2: float | None, speech: "Lines"
) -> "TeamEvidence":
    from touchline.highlights.match import list_match_parts
    from touchline.highlights.own_labels import read_match_labels
    from touchline.highlights.teams import TeamEvidence
    from touchline.highlights.wish import TeamNames

    clubs = TeamNames(tuple(args.home), tuple(args.away))
    if (args.home or args.away) and not clubs.are_distinct:
        wrong = "do not tell the teams apart" if args.home and args.away else "need each other"
        raise InputError("--home and --away", wrong, "give each team a name of its own")
    match_parts = list_match_parts(films, args.sport, kickoff2) if args.labels else []
    team_labels = read_match_labels(args.labels, match_parts, args.sport) if args.labels else {}
    return TeamEvidence(args.sport, clubs, speech, team_labels, args.untold)


def _video_paths(args: argparse.Namespace) -> list[Path]:
    if args.match and args.halves:
        raise InputError("--halves", "is given beside a match", "give one or the other")
    if not args.match and not args.halves:
        raise InputError("match", "no video is named", 'touchline highlights MATCH.mkv "the goals"')
    return args.halves or [args.match]


def _parse_kickoff(text: str | None) -> float | None:
    """`47:10`, `1:02:30` or seconds."""
    if text is None:
        return None
    hours, _, minutes_seconds = text.partition(":")
    try:
        if text.count(":") == 2:
            return 3600 * int(hours) + parse_time(minutes_seconds)
        return parse_time(text)
    except ValueError:
        wrong, remedy = f"{text!r} is not a time", "say it as 47:10, 1:02:30 or in seconds"
        raise InputError("--kickoff2", wrong, remedy) from None


def _read_commentary(films: list[Path], files: list[Path]) -> "Lines":
    """Lines of commentary by video; a faulty line is no reason to go without the others."""
    from touchline.highlights.own_labels import read_match_commentary

    if files and len(files) != len(films):
        wrong = f"{len(files)} files for {len(films)} videos"
        raise InputError("--commentary", wrong, "give one for each video, in their order")
    return {
        film: read_match_commentary(file, film) for film, file in zip(films, files, strict=False)
    }


def _format_result(result: "ReelResult") -> str:
    lines = [f"note: {note}" for note in result.notes]
    for highlight in result.highlights:
        when = f"{format_time(highlight.match_start)} to {format_time(highlight.match_end)}"
        at = format_time(math.floor(highlight.reel_start))
        lines.append(
            f"{when}  {highlight.action}  ({highlight.votes} of {highlight.looks} clips), reel {at}"
        )
        if highlight.told_by:
            lines.append(f"    {highlight.team or 'team not told'}: {highlight.told_by}")
    if result.reel:
        count = len(result.highlights)
        lines.append(f"{result.reel}  {count} highlight{'s' * (count != 1)}")
    else:
        reason = "nothing of this was found" if not result.omitted else "nothing is left"
        lines.append(f"{reason}; no reel is written")
    return "\n".join([*lines, str(result.page), str(result.json)]) + "\n"
