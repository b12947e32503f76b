"""What is typed about rows, in either direction: impact, trace."""

import argparse
from typing import Any


def offer(actions: Any) -> None:
    """The actions and their arguments."""
    reach = actions.add_parser("impact", help="what came of a match, a source or a file")
    reach.set_defaults(action=_impact)
    reach.add_argument("what", metavar="MATCH|SOURCE|FILE", help="a name, a path or a sha256")
    reach.add_argument("--json", action="store_true", help="for programs; with every id")
    reach.add_argument("--apply", action="store_true", help="remove it, and prove that it is gone")
    reach.add_argument("--yes", action="store_true", help="do not ask before")
    back = actions.add_parser("trace", help="what one answer came of, down to the training rows")
    back.set_defaults(action=_trace)
    back.add_argument("answer", metavar="ANSWER", help="id of an answer, trajectory or question")
    back.add_argument("--run", metavar="RUN", default="", help="whose answer; else the last one's")
    back.add_argument("--json", action="store_true", help="for programs; with every id")


def _impact(args: argparse.Namespace) -> int:
    from flows.lineage import impact

    return impact.run(args)


def _trace(args: argparse.Namespace) -> int:
    from flows.lineage import trace

    return trace.run(args)
