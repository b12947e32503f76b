"""`touchline verify`: what is typed; executing a past run again is the work of `flows.again`."""

import argparse
from typing import Any

from touchline.faults import BadInput


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("verify", help="execute a past run again and compare its products")
    one.set_defaults(action=run)
    one.add_argument("run", help="id of a run, its beginning, or `latest`")
    one.add_argument("--stage", metavar="NAME", help="this stage alone, from its recorded inputs")
    one.add_argument(
        "--tolerance", type=float, default=1e-6, help="of numbers, as a share of the larger one"
    )
    one.add_argument(
        "--environment", action="store_true", help="with the packages of the run's own lock"
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0: all products are as they were, or within the tolerance; 1: one is not."""
    from flows.again import verify

    if not 0 <= args.tolerance < 1:
        raise BadInput(f"--tolerance {args.tolerance}", "is no share", "give e.g. 1e-6")
    return verify(args.run, args.stage, args.tolerance, args.environment)
