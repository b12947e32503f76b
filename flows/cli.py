"""The console command `touchline`."""

import argparse
import os
import sys
from collections.abc import Sequence

from flows import export, highlights, score
from flows.audit import collect, diff, rerun
from flows.commands import machine, nights, rows, runs, store
from touchline.errors import BadInput

COMMAND_MODULES = (
    runs, nights, score, highlights, rows, collect, rerun, diff, export, store, machine,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Exit status 0: done; 1: a stage failed; 2: invalid request; 130 or 143:
    interrupted.
    """
    args = build_cli_parser().parse_args(argv)
    try:
        status = args.action(args)
        sys.stdout.flush()
        sys.exit(status)
    except BadInput as fault:
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
    for module in COMMAND_MODULES:
        module.offer(actions)
    return parser


if __name__ == "__main__":
    main()
