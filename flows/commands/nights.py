"""Command-line arguments of nightly and bisect."""

import argparse
from typing import Any


def add_nightly_commands(actions: Any) -> None:
    """Add the subcommands nightly and bisect to the parser."""
    _add_nightly_arguments(
        actions.add_parser("nightly", help="evaluate champion and challengers, and judge")
    )
    _add_bisect_arguments(
        actions.add_parser("bisect", help="find the first run in which a score fell")
    )


def _add_nightly_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_nightly)
    parser.add_argument(
        "--benchmark", metavar="RUN", default="", help="ask this run's test questions"
    )
    parser.add_argument(
        "--run", action="append", default=[], metavar="RUN", help="challengers, not the new ones"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--check", action="store_true", help="fail, and say so, when the last night is too old"
    )
    kind.add_argument(
        "--arm", action="store_true", help="let Prefect raise the alarm when no night completes"
    )
    parser.add_argument("--hours", type=float, help="how old is too old, instead of nightly.hours")


def _add_bisect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_bisect)
    parser.add_argument("metric", metavar="METRIC", help="overall, a task, or TASK.METRIC")
    parser.add_argument("--good", metavar="RUN", default="", help="a run before the score fell")
    parser.add_argument("--bad", metavar="RUN", default="", help="a run after it, else the last")
    parser.add_argument("--json", action="store_true", help="for programs")


def _run_nightly(args: argparse.Namespace) -> int:
    from flows.nightly import console
    from flows.nightly.session import NightRequest
    from flows.runs import worktree

    root = worktree.find_checkout()
    if args.check:
        return console.check_last_night(root, args.hours)
    if args.arm:
        return console.arm_night_alarms(root, args.hours)
    return console.run_night(root, NightRequest(args.benchmark, tuple(args.run)))


def _run_bisect(args: argparse.Namespace) -> int:
    from flows.nightly import bisect
    from flows.runs import worktree

    return bisect.run_bisect(worktree.find_checkout(), args.metric, args.good, args.bad, args.json)
