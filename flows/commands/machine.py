"""Command-line arguments of sources, doctor, serve and ui."""

import argparse
import sys
from typing import Any


def add_machine_commands(actions: Any) -> None:
    """Add the subcommands sources, doctor, serve and ui to the parser."""
    sources = actions.add_parser("sources", help="list the sources, and what of them is here")
    sources.set_defaults(action=_run_sources)
    _add_doctor_arguments(
        actions.add_parser("doctor", help="look whether this checkout is fit to run")
    )
    _add_serve_arguments(
        actions.add_parser("serve", help="answer as an OpenAI-compatible endpoint until Ctrl-C")
    )
    ui = actions.add_parser("ui", help="open the pages of Prefect and MLflow until Ctrl-C")
    ui.set_defaults(action=_run_ui)
    sources.add_argument("--json", action="store_true", help="for programs")


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_doctor)
    parser.add_argument(
        "--full", action="store_true", help="hash all of the cache; ask the store, too"
    )
    parser.add_argument("--fix", action="store_true", help="clear away what the dead have left")
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_serve)
    parser.add_argument("what", help="a model's folder, such as data/rl, or `scripted`")
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--host", default="127.0.0.1", help="this machine alone, unless told")
    parser.add_argument("--batch", type=int, default=16, help="requests answered together")


def _run_sources(args: argparse.Namespace) -> int:
    from flows.runs import worktree
    from touchline.sources import listing

    sources = listing.list_sources(worktree.find_checkout())
    sys.stdout.write(
        listing.format_sources_json(sources) if args.json else listing.format_sources_text(sources)
    )
    return 0


def _run_doctor(args: argparse.Namespace) -> int:
    from flows import doctor
    from flows.runs import worktree

    return doctor.run_doctor(worktree.find_checkout(), args.full, args.fix, args.json)


def _run_serve(args: argparse.Namespace) -> int:
    from flows.runs import worktree
    from touchline import serving

    serving.serve_chat_backend(
        serving.load_chat_backend(args.what, worktree.find_checkout(), args.batch),
        args.host,
        args.port,
    )
    return 0


def _run_ui(args: argparse.Namespace) -> int:
    from flows import ui
    from flows.runs import worktree

    return ui.serve_ui(worktree.find_checkout())
