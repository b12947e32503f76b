"""The console command `touchline`: retrain, runs, show, sources, score, highlights,
export, ui."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows import highlights, release, score, workspace
from touchline.faults import BadInput

if TYPE_CHECKING:
    from flows.run import Request


def main(argv: Sequence[str] | None = None) -> None:
    """Exit status 0: done; 1: a stage failed; 2: the request is wrong; 130, 143: stopped."""
    args = parser().parse_args(argv)
    try:
        sys.exit(args.action(args))
    except BadInput as fault:
        sys.stderr.write(f"error: {fault}\n")
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    """What may be typed."""
    top = argparse.ArgumentParser(prog="touchline", description=__doc__)
    actions = top.add_subparsers(required=True, metavar="ACTION")
    retrain = actions.add_parser("retrain", help="bring every stage up to date")
    retrain.set_defaults(action=_retrain)
    _say_what_to_retrain(retrain)
    runs = actions.add_parser("runs", help="list the runs")
    runs.set_defaults(action=_runs)
    show = actions.add_parser("show", help="name every input, parameter and product of a run")
    show.add_argument("run", help="id of a run, its beginning, or `latest`")
    show.set_defaults(action=_show)
    sources = actions.add_parser("sources", help="list the sources, and what of them is here")
    sources.set_defaults(action=_sources)
    for one in (runs, show, sources):
        one.add_argument("--json", action="store_true", help="for programs")
    judged = actions.add_parser("score", help="score answers that were made elsewhere")
    judged.set_defaults(action=score.run)
    score.offer(judged)
    reel = actions.add_parser("highlights", help="cut what a sentence asks for out of a match")
    reel.set_defaults(action=highlights.run)
    highlights.offer(reel)
    give = actions.add_parser("export", help="write a run's model as a Hugging Face folder")
    give.set_defaults(action=release.run)
    release.offer(give)
    ui = actions.add_parser("ui", help="open the pages of Prefect and MLflow until Ctrl-C")
    ui.set_defaults(action=_ui)
    return top


def _say_what_to_retrain(one: argparse.ArgumentParser) -> None:
    one.add_argument("--preset", metavar="NAME", help="settings of presets/NAME.yaml")
    one.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. sft.lr=1e-4"
    )
    one.add_argument("--stage", metavar="NAME", help="this stage and what it needs")
    one.add_argument(
        "--dirty", action="store_true", help="run uncommitted changes, and record them"
    )
    one.add_argument("--force", action="store_true", help="run even what is unchanged")


def _retrain(args: argparse.Namespace) -> int:
    from flows import local

    return local.retrain(_request(args))


def _request(args: argparse.Namespace) -> "Request":
    from flows.run import Request

    sets = tuple(args.set)
    return Request(
        args.preset, sets, args.stage, args.dirty, args.force, ("touchline", *sys.argv[1:])
    )


def _runs(args: argparse.Namespace) -> int:
    from flows import shown

    sys.stdout.write(shown.runs(workspace.root(), args.json))
    return 0


def _show(args: argparse.Namespace) -> int:
    from flows import shown

    sys.stdout.write(shown.show(workspace.root(), args.run, args.json))
    return 0


def _sources(args: argparse.Namespace) -> int:
    from touchline.sources import listing

    found = listing.every(workspace.root())
    sys.stdout.write(listing.as_json(found) if args.json else listing.as_text(found))
    return 0


def _ui(args: argparse.Namespace) -> int:
    from flows import ui

    return ui.serve(workspace.root())


if __name__ == "__main__":
    main()
