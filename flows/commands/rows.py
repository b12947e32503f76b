"""Command-line arguments of the row lineage commands impact and trace."""

import argparse
from typing import Any


def add_lineage_commands(actions: Any) -> None:
    """Add the subcommands impact and trace to the parser."""
    impact_parser = actions.add_parser("impact", help="what came of a match, a source or a file")
    impact_parser.set_defaults(action=_run_impact)
    impact_parser.add_argument(
        "what", metavar="MATCH|SOURCE|FILE", help="a name, a path or a sha256"
    )
    impact_parser.add_argument("--json", action="store_true", help="for programs; with every id")
    impact_parser.add_argument(
        "--apply", action="store_true", help="remove it, and prove that it is gone"
    )
    impact_parser.add_argument("--yes", action="store_true", help="do not ask before")
    trace_parser = actions.add_parser(
        "trace", help="what one answer came of, down to the training rows"
    )
    trace_parser.set_defaults(action=_run_trace)
    trace_parser.add_argument(
        "answer", metavar="ANSWER", help="id of an answer, trajectory or question"
    )
    trace_parser.add_argument(
        "--run", metavar="RUN", default="", help="whose answer; else the last one's"
    )
    trace_parser.add_argument("--json", action="store_true", help="for programs; with every id")


def _run_impact(args: argparse.Namespace) -> int:
    from flows.lineage import impact

    return impact.run_impact(args)


def _run_trace(args: argparse.Namespace) -> int:
    from flows.lineage import trace

    return trace.run_trace(args)
