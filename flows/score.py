"""`touchline score`: answers made elsewhere, scored like a run's own and beside the floors."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.runs import worktree
from touchline.atomic import whole_folder
from touchline.config import section
from touchline.errors import BadInput

if TYPE_CHECKING:
    from touchline.external_answers.score import Rule

PLACES = ("questions", "clips", "captions")


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("score", help="score answers that were made elsewhere")
    one.set_defaults(action=run)
    one.add_argument(
        "predictions", type=Path, help="predictions.jsonl, or a folder of results_spotting.json"
    )
    for name in PLACES:
        one.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"default: data/{name}")
    one.add_argument("--split", default="test", help="whose questions count (default: test)")
    one.add_argument("--name", help="what the answers are called (default: the file's name)")
    one.add_argument("--labels", type=Path, metavar="FOLDER", help="SoccerNet's Labels-v2.json")
    one.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="write scores and page there")
    one.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Exit status 0, or 2 where a line, a file or an argument is wrong."""
    if not args.predictions.exists():
        raise BadInput(args.predictions, "is not there", "name a file or a folder of predictions")
    name = args.name or args.predictions.stem
    measured, text = (_spotting if args.predictions.is_dir() else _answers)(args, name)
    said = json.dumps(measured, indent=2, sort_keys=True) + "\n" if args.json else text
    sys.stdout.write(said)
    return 0


def _answers(args: argparse.Namespace, name: str) -> tuple[Mapping[str, Any], str]:
    from touchline.chat.dialogue import Dialogue
    from touchline.chat.tools.choose_frames import Budget
    from touchline.external_answers.score import check_free, keep, of_answers, score, sheet
    from touchline.licence import Licence

    if args.labels:
        raise BadInput("--labels", "is for a folder of results_spotting.json", "leave it out")
    if args.out:
        check_free(args.out)
    root = worktree.root()
    params = root / "params.yaml"
    questions, clips, captions = (getattr(args, place) or root / "data" / place for place in PLACES)
    budget, dialogue = section(Budget, "budget", params), section(Dialogue, "dialogue", params)
    asked = sheet(clips, captions, questions, budget, dialogue, args.split)
    rule = _rule(params)
    result = score(args.predictions, name, asked, rule)
    if args.out:
        about = {"file": args.predictions.name, "split": args.split, "asked": len(asked.asked)}
        about |= {key: result.measured[key] for key in ("answered", "unanswered", "without_frames")}
        about |= {"theta": rule.theta, "seed": rule.seed}
        keep(args.out, result, asked, about, section(Licence, "licence", params))
    return result.measured, of_answers(result.measured, name)


def _rule(params: Path) -> "Rule":
    from stages.evaluate import Evaluate
    from touchline.external_answers.score import Rule

    given = section(Evaluate, "evaluate", params)
    return Rule(given.theta, given.seed, given.interval, given.judge)


def _spotting(args: argparse.Namespace, name: str) -> tuple[Mapping[str, Any], str]:
    from touchline.external_answers import soccernet
    from touchline.external_answers.score import check_free, of_spotting, write_scores

    if not args.labels:
        raise BadInput(args.predictions, "is a folder", "name SoccerNet's labels by --labels")
    if args.out:
        check_free(args.out)
    measured = soccernet.score(args.predictions, args.labels, name)
    if args.out:
        with whole_folder(args.out) as draft:
            write_scores(draft, measured)
    return measured, of_spotting(measured)
