"""`touchline highlights`: what is typed becomes a reel, and what came of it is said."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.runs import worktree
from touchline.chat.timecode import heard, spoken
from touchline.config import section
from touchline.errors import BadInput

if TYPE_CHECKING:
    from touchline.highlights.spots import Made
    from touchline.highlights.teams import Sides
    from touchline.records import Speech

    Lines = dict[Path, list[Speech]]

CACHE = ".touchline/highlights"


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("highlights", help="cut what a sentence asks for out of a match")
    one.set_defaults(action=run)
    one.add_argument("match", nargs="?", type=Path, help="the video of a match or a half")
    one.add_argument("request", help='in English, e.g. "all the goals in the second half"')
    one.add_argument("--halves", nargs="+", type=Path, default=[], metavar="FILE")
    one.add_argument("--kickoff2", metavar="TIME", help="when the second half begins in the file")
    one.add_argument("--commentary", nargs="+", type=Path, default=[], metavar="ASR_JSON")
    one.add_argument("--labels", type=Path, metavar="Labels-v2.json", help="tell the teams")
    for side in ("home", "away"):
        one.add_argument(f"--{side}", nargs="+", default=[], metavar="NAME", help="of that team")
    one.add_argument(
        "--untold", action="store_true", help="keep what no label or commentary tells the team of"
    )
    one.add_argument(
        "--free", action="store_true", help="put the request to the model in its words"
    )
    one.add_argument("--model", default="latest", metavar="FOLDER", help="or `latest`")
    one.add_argument("--sport", default="soccer", metavar="NAME")
    one.add_argument("-o", "--out", type=Path, default=Path("reel.mp4"), metavar="REEL.mp4")


def run(args: argparse.Namespace) -> int:
    """Exit status 0 also when nothing was found: that is an answer."""
    from touchline.highlights import make, model

    root = worktree.root()
    settings = section(make.Settings, "highlights", root / "params.yaml")
    films = _films(args)
    make.mine(args.out)
    kickoff2 = _time(args.kickoff2)
    speech = _speech(films, args.commentary)
    sides = _sides(args, films, kickoff2, speech)
    wish, _ = make.plan(films, args.request, args.sport, kickoff2, args.free, sides)
    sys.stderr.write(f"understood: {wish.said()}\n")
    folder = model.latest(root) if args.model == "latest" else Path(args.model)
    asked = model.opened(folder, settings.batch, settings.turn_tokens)
    how = {"sport": args.sport, "kickoff2": kickoff2, "free": args.free, "speech": speech}
    where = (args.out, root / CACHE)
    made = make.make(films, args.request, asked, settings, *where, **how, sides=sides)
    sys.stdout.write(_told(made))
    return 0


def _sides(
    args: argparse.Namespace, films: list[Path], kickoff2: float | None, speech: "Lines"
) -> "Sides":
    from touchline.highlights.match import parts
    from touchline.highlights.own_labels import labels
    from touchline.highlights.teams import Sides
    from touchline.highlights.wish import Clubs

    clubs = Clubs(tuple(args.home), tuple(args.away))
    if (args.home or args.away) and not clubs.known:
        wrong = "do not tell the teams apart" if args.home and args.away else "need each other"
        raise BadInput("--home and --away", wrong, "give each team a name of its own")
    whole = parts(films, args.sport, kickoff2) if args.labels else []
    said = labels(args.labels, whole, args.sport) if args.labels else {}
    return Sides(args.sport, clubs, speech, said, args.untold)


def _films(args: argparse.Namespace) -> list[Path]:
    if args.match and args.halves:
        raise BadInput("--halves", "is given beside a match", "give one or the other")
    if not args.match and not args.halves:
        raise BadInput("match", "no video is named", 'touchline highlights MATCH.mkv "the goals"')
    return args.halves or [args.match]


def _time(said: str | None) -> float | None:
    """`47:10`, `1:02:30` or seconds."""
    if said is None:
        return None
    hours, _, rest = said.partition(":")
    try:
        if said.count(":") == 2:
            return 3600 * int(hours) + heard(rest)
        return heard(said)
    except ValueError:
        wrong, remedy = f"{said!r} is no time", "say it as 47:10, 1:02:30 or in seconds"
        raise BadInput("--kickoff2", wrong, remedy) from None


def _speech(films: list[Path], files: list[Path]) -> "Lines":
    """Lines of commentary by video; a faulty line is no reason to go without the others."""
    from touchline.highlights.own_labels import lines

    if files and len(files) != len(films):
        wrong = f"{len(files)} files for {len(films)} videos"
        raise BadInput("--commentary", wrong, "give one for each video, in their order")
    return {film: lines(file, film) for film, file in zip(films, files, strict=False)}


def _told(made: "Made") -> str:
    lines = [f"note: {note}" for note in made.notes]
    for one in made.highlights:
        when = f"{spoken(one.match_start)} to {spoken(one.match_end)}"
        at = spoken(math.floor(one.reel_start))
        lines.append(f"{when}  {one.action}  ({one.votes} of {one.looks} clips), reel {at}")
        if one.told_by:
            lines.append(f"    {one.team or 'team not told'}: {one.told_by}")
    if made.reel:
        count = len(made.highlights)
        lines.append(f"{made.reel}  {count} highlight{'s' * (count != 1)}")
    else:
        what = "nothing of this was found" if not made.omitted else "nothing is left"
        lines.append(f"{what}; no reel is written")
    return "\n".join([*lines, str(made.page), str(made.json)]) + "\n"
