"""The console command `touchline`."""

import argparse
import os
import sys
from collections.abc import Sequence

from flows.commands.answers import add_answer_commands
from flows.commands.audits import add_audit_commands
from flows.commands.machine import add_machine_commands
from flows.commands.nights import add_nightly_commands
from flows.commands.rows import add_lineage_commands
from flows.commands.runs import add_run_commands
from flows.commands.store import add_store_commands
from touchline.errors import InputError

COMMANDS = (
    add_run_commands,
    add_nightly_commands,
    add_answer_commands,
    add_lineage_commands,
    add_audit_commands,
    add_store_commands,
    add_machine_commands,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Exit status 0: done; 1: a stage failed; 2: invalid request; 130 or 143:
    interrupted.
    """
    args = build_cli_parser().parse_args(argv)
    try:
        status = args.action(args)
        sys.stdout.flush()
        sys.exit(status)
    except InputError as fault:
        sys.stderr.write(f"error: {fault}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except BrokenPipeError:  # whoever read what was said, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def build_cli_parser() -> argparse.ArgumentParser:
    """The argument parser with all subcommands."""
    parser = argparse.ArgumentParser(prog="touchline", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for add_commands in COMMANDS:
        add_commands(actions)
    return parser


if __name__ == "__main__":
    main()
