"""What is typed about the store that machines share: push, pull."""

import argparse
from typing import Any

from flows.runs import worktree


def offer(actions: Any) -> None:
    """The actions and their arguments."""
    push = actions.add_parser("push", help="send a run's products to the shared store")
    pull = actions.add_parser("pull", help="fetch a run's products from the shared store")
    for one, action in ((push, _push), (pull, _pull)):
        one.add_argument("run", nargs="?", default="latest", help="id of a run, else the last")
        one.set_defaults(action=action)
    push.add_argument("--mend", action="store_true", help="replace what is corrupt there")


def _push(args: argparse.Namespace) -> int:
    from flows.store import push_pull

    return push_pull.send(worktree.root(), args.run, args.mend)


def _pull(args: argparse.Namespace) -> int:
    from flows.store import push_pull

    return push_pull.fetch(worktree.root(), args.run)
