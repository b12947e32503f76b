"""The console command `touchline`."""

import argparse
import os
import sys
from collections.abc import Sequence

from flows import export, highlights, score
from flows.audit import collect, diff, rerun
from flows.commands import machine, nights, rows, runs, store
from touchline.errors import BadInput

OFFERED = (
    runs, nights, score, highlights, rows, collect, rerun, diff, export, store, machine,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Exit status 0: done; 1: a stage failed; 2: the request is wrong; 130, 143: stopped."""
    args = parser().parse_args(argv)
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


def parser() -> argparse.ArgumentParser:
    """What may be typed."""
    top = argparse.ArgumentParser(prog="touchline", description=__doc__)
    actions = top.add_subparsers(required=True, metavar="ACTION")
    for module in OFFERED:
        module.offer(actions)
    return top


if __name__ == "__main__":
    main()
