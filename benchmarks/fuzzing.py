"""Hostile files through every reader: how many end how, in which time, and what is wrong.

Run from the project's root: `python -m benchmarks.fuzzing` (200 of each kind: a minute of CPU), or
`--cases 10000 --write` for the long form, which writes benchmarks/FUZZING.md. A case is made again
by its kind, seed and number alone. Exit status 1 when any case is wrong.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.doors import DOORS
from tests.fuzz.run import fuzz

PAGE = Path(__file__).with_name("FUZZING.md")
HEAD = ("kind", "cases", "success", "InputError", "other", "CPU s", "slowest, CPU s", "MiB grown")


def main() -> None:
    one = argparse.ArgumentParser(description=__doc__)
    one.add_argument("--cases", type=int, default=200, help="of each kind")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--kinds", default=",".join(DOORS))
    one.add_argument("--write", action="store_true", help="write benchmarks/FUZZING.md")
    args = one.parse_args()
    rows, wrong = [HEAD, ("---",) * len(HEAD)], []
    for kind in args.kinds.split(","):
        with tempfile.TemporaryDirectory() as name:
            seen = fuzz(kind, Path(name) / kind, args.cases, args.seed)
        ends = [str(seen.ends[end]) for end in ("success", "InputError", "other")]
        costs = [f"{seen.cpu:.0f}", f"{seen.slowest:.2f}", f"{seen.grown:.0f}"]
        rows.append((kind, str(args.cases), *ends, *costs))
        wrong += seen.wrong
        print(*rows[-1], *seen.wrong, sep="\n  ", flush=True)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    title = ["# Fuzzing", "", f'`make fuzz ARGS="--cases {args.cases} --seed {args.seed}"`', ""]
    said = "\n".join([*title, *lines, "", f"Wrong: {len(wrong)}", *(f"- {w}" for w in wrong)])
    print(said)
    if args.write:
        PAGE.write_text(f"{said}\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
