"""What is typed about nights: nightly, bisect."""

import argparse
from typing import Any

from flows.runs import worktree


def offer(actions: Any) -> None:
    """The actions and their arguments."""
    _offer_nightly(
        actions.add_parser("nightly", help="evaluate champion and challengers, and judge")
    )
    _offer_bisect(actions.add_parser("bisect", help="find the first run in which a score fell"))


def _offer_nightly(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_nightly)
    one.add_argument("--benchmark", metavar="RUN", default="", help="ask this run's test questions")
    one.add_argument(
        "--run", action="append", default=[], metavar="RUN", help="challengers, not the new ones"
    )
    kind = one.add_mutually_exclusive_group()
    kind.add_argument(
        "--check", action="store_true", help="fail, and say so, when the last night is too old"
    )
    kind.add_argument(
        "--arm", action="store_true", help="let Prefect raise the alarm when no night completes"
    )
    one.add_argument("--hours", type=float, help="how old is too old, instead of nightly.hours")


def _offer_bisect(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_bisect)
    one.add_argument("metric", metavar="METRIC", help="overall, a task, or TASK.METRIC")
    one.add_argument("--good", metavar="RUN", default="", help="a run before the score fell")
    one.add_argument("--bad", metavar="RUN", default="", help="a run after it, else the last")
    one.add_argument("--json", action="store_true", help="for programs")


def _nightly(args: argparse.Namespace) -> int:
    from flows.nightly import console
    from flows.nightly.session import Request

    root = worktree.root()
    if args.check:
        return console.check(root, args.hours)
    if args.arm:
        return console.arm(root, args.hours)
    return console.spend(root, Request(args.benchmark, tuple(args.run)))


def _bisect(args: argparse.Namespace) -> int:
    from flows.nightly import bisect

    return bisect.search(worktree.root(), args.metric, args.good, args.bad, args.json)
