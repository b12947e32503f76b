"""Command-line arguments of audit, verify and diff."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_audit_commands(actions: Any) -> None:
    """Add the subcommands audit, verify and diff to the parser."""
    _add_audit_arguments(
        actions.add_parser("audit", help="say where a model, a run or a number comes from")
    )
    _add_verify_arguments(
        actions.add_parser("verify", help="execute a past run again and compare its products")
    )
    _add_diff_arguments(actions.add_parser("diff", help="say in words what changed between runs"))


def _add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_audit)
    target_help = (
        "a run, `latest`, a model (`champion`, a digest, data/rl) or a metric (spotting.f1)"
    )
    parser.add_argument(
        "what", nargs="?", default="latest", metavar="MODEL|RUN|METRIC", help=target_help
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="else .touchline/audit/RUN")
    parser.add_argument("--verify", type=Path, metavar="FOLDER", help="check such a folder")
    parser.add_argument(
        "--key", type=Path, metavar="PEM", help="the public key that must have signed"
    )


def _add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_verify)
    parser.add_argument("run", help="id of a run, its beginning, or `latest`")
    parser.add_argument(
        "--stage", metavar="NAME", help="this stage alone, from its recorded inputs"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-6, help="of numbers, as a share of the larger one"
    )
    parser.add_argument(
        "--environment", action="store_true", help="with the packages of the run's own lock"
    )


def _add_diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_diff)
    parser.add_argument("before", help="id of a run, its beginning, or `latest`")
    parser.add_argument("after", help="another one")
    parser.add_argument("--json", action="store_true", help="for programs")


def _run_audit(args: argparse.Namespace) -> int:
    """Write an audit folder, or check one with --verify. Exit status 0; 1 if the checked folder was
    changed.
    """
    from flows.audit import collect
    from flows.runs import worktree

    if args.verify:
        return collect.verify_audit_folder(args.verify, args.key)
    out = collect.create_audit_folder(worktree.find_checkout(), args.what, args.output)
    sys.stdout.write(f"{out / 'index.html'}\n")
    return 0


def _run_verify(args: argparse.Namespace) -> int:
    from flows.audit import rerun

    return rerun.verify_past_run(args.run, args.stage, args.tolerance, args.environment)


def _run_diff(args: argparse.Namespace) -> int:
    from flows.audit import diff
    from flows.runs import worktree

    return diff.print_run_diff(worktree.find_checkout(), args.before, args.after, args.json)
