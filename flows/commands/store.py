"""Command-line arguments of push and pull, for the shared store."""

import argparse
from typing import Any


def add_store_commands(actions: Any) -> None:
    """Add the subcommands push and pull to the parser."""
    push = actions.add_parser("push", help="send a run's products to the shared store")
    pull = actions.add_parser("pull", help="fetch a run's products from the shared store")
    for parser, action in ((push, _run_push), (pull, _run_pull)):
        parser.add_argument("run", nargs="?", default="latest", help="id of a run, else the last")
        parser.set_defaults(action=action)
    push.add_argument("--mend", action="store_true", help="replace what is corrupt there")


def _run_push(args: argparse.Namespace) -> int:
    from flows.runs import worktree
    from flows.store import push_pull

    return push_pull.push_run(worktree.find_checkout(), args.run, args.mend)


def _run_pull(args: argparse.Namespace) -> int:
    from flows.runs import worktree
    from flows.store import push_pull

    return push_pull.pull_run(worktree.find_checkout(), args.run)
