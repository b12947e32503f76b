"""What is typed about this machine and what it serves: sources, doctor, serve, ui."""

import argparse
import sys
from typing import Any

from flows.runs import worktree


def offer(actions: Any) -> None:
    """The actions and their arguments."""
    sources = actions.add_parser("sources", help="list the sources, and what of them is here")
    sources.set_defaults(action=_sources)
    _offer_doctor(actions.add_parser("doctor", help="look whether this checkout is fit to run"))
    _offer_serve(
        actions.add_parser("serve", help="answer as an OpenAI-compatible endpoint until Ctrl-C")
    )
    ui = actions.add_parser("ui", help="open the pages of Prefect and MLflow until Ctrl-C")
    ui.set_defaults(action=_ui)
    sources.add_argument("--json", action="store_true", help="for programs")


def _offer_doctor(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_doctor)
    one.add_argument(
        "--full", action="store_true", help="hash all of the cache; ask the store, too"
    )
    one.add_argument("--fix", action="store_true", help="clear away what the dead have left")
    one.add_argument("--json", action="store_true", help="for programs")


def _offer_serve(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_serve)
    one.add_argument("what", help="a model's folder, such as data/rl, or `scripted`")
    one.add_argument("--port", type=int, default=8321)
    one.add_argument("--host", default="127.0.0.1", help="this machine alone, unless told")
    one.add_argument("--batch", type=int, default=16, help="requests answered together")


def _sources(args: argparse.Namespace) -> int:
    from touchline.sources import listing

    found = listing.every(worktree.root())
    sys.stdout.write(listing.as_json(found) if args.json else listing.as_text(found))
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from flows import doctor

    return doctor.run(worktree.root(), args.full, args.fix, args.json)


def _serve(args: argparse.Namespace) -> int:
    from touchline import serving

    serving.serve(serving.mind(args.what, worktree.root(), args.batch), args.host, args.port)
    return 0


def _ui(args: argparse.Namespace) -> int:
    from flows import ui

    return ui.serve(worktree.root())
