"""Disturb small retrains and print what it cost: kills at random moments, and faults of the world.

Run from the project's root: `python -m benchmarks.chaos` (a few kills and every fault: minutes), or
`--kills 200 --write` for the long form, which writes benchmarks/CHAOS.md. Exit status 1 when any
retrain ends otherwise than an undisturbed one, or leaves something behind.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from random import Random

from flows.services import environment
from flows.services import prefect_server as serving
from tests.chaos.arena import Arena, arena, origin, told
from tests.chaos.faults import FAULTS
from tests.chaos.kills import UNTIL, Tally, ordeal

PAGE = Path(__file__).with_name("CHAOS.md")


def main() -> None:
    args = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, origin(Path(name, "film")) as film:
        folder = Path(name)
        with nullcontext("") if args.bare else prefect(folder, film) as api:
            with arena(folder, "undisturbed", film, api, args.bare) as one:
                status = one.retrain()
                wanted, wrong = one.digests(), list(one.wrong(one.digests()))
                if status or wrong:
                    sys.exit(f"the undisturbed run fails: {wrong} {one.said()[-2000:]}")
            tally = killed(folder, film, api, wanted, args)
            rows = list(faults(folder, film, api, wanted, args.faults, tally))
            tally.wrong += [f"a secret stands in {path}" for path in told(folder / "server")]
    said = page(tally, rows, args)
    print(said)
    if args.write:
        PAGE.write_text(said)
    sys.exit(1 if tally.wrong else 0)


def parser() -> argparse.ArgumentParser:
    one = argparse.ArgumentParser(description=__doc__)
    one.add_argument("--kills", type=int, default=6)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--faults", default=",".join(FAULTS), help="words of some of them, or none")
    one.add_argument("--write", action="store_true", help="write benchmarks/CHAOS.md")
    one.add_argument("--minutes", type=float, default=1e9, help="no kill after so many")
    one.add_argument("--jobs", type=int, default=1, help="projects that are killed side by side")
    one.add_argument("--bare", action="store_true", help="kill runs without Prefect and MLflow")
    return one


@contextmanager
def prefect(folder: Path, film: str) -> Iterator[str]:
    """One server for all projects: its first start takes longer than a run of them."""
    one = Arena(folder / "server", None, film)  # type: ignore[arg-type]
    (one.root / ".touchline").mkdir(parents=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "TOUCHLINE_"))}
    own = environment.build_default_environment(one.root / ".touchline")
    job, url = serving.start_prefect_server(one.root, serving.find_free_port(), {**env, **own})
    try:
        while not serving.is_url_answering(f"{url}/health"):  # on a busy machine it takes minutes
            if not job.is_alive():
                sys.exit("the server did not start")
            time.sleep(0.5)
        yield url
    finally:
        job.stop()


def killed(folder: Path, film: str, api: str, wanted: dict[str, str], args) -> Tally:
    """Kill until there were enough; every project is planted afresh and killed a few times."""
    whole, numbers, stop, door = Tally(), count(), threading.Event(), threading.Lock()
    until = time.monotonic() + 60 * args.minutes

    def work() -> None:
        while whole.done < args.kills and time.monotonic() < until and not stop.is_set():
            number, one = next(numbers), Tally()
            with arena(folder, f"killed-{number}", film, api, args.bare) as place:
                kills = min(UNTIL, max(1, args.kills - whole.done))
                ordeal(place, wanted, kills, Random(f"{args.seed} {number}"), one)
            with door:
                whole.add(one)
                print(f"{whole.done} kills, {len(whole.wrong)} wrong", *one.wrong, flush=True)

    with ThreadPoolExecutor(args.jobs) as pool:
        try:
            for job in [pool.submit(work) for _ in range(args.jobs)]:
                job.result()
        finally:
            stop.set()
    return whole


def faults(
    folder: Path, film: str, api: str, wanted: dict[str, str], words: str, tally: Tally
) -> Iterator[tuple[str, str, str]]:
    """(fault, how the disturbed retrain and the next one ended, what was wrong afterwards)."""
    chosen = [name for name in FAULTS if any(w and w in name for w in words.split(","))]
    for number, name in enumerate(chosen):
        with arena(folder, f"fault-{number}", film, api) as one:
            first, second = FAULTS[name](one)
            wrong = list(one.wrong(wanted)) + ([f"ended with {second}"] if second else [])
            last = one.said().strip().splitlines()[-1:]
        tally.wrong += [f"{name}: {w} {last}" for w in wrong]
        print(f"{name}: {first}, then {second}; {wrong or 'nothing wrong'}", flush=True)
        yield name, f"{first}, then {second}", "; ".join(wrong) or "nothing"


def page(tally: Tally, rows: list[tuple[str, str, str]], args: argparse.Namespace) -> str:
    victims = sorted({victim for victim, _ in tally.kills})
    table = ["| killed | -9 | -15 | -2 |", "|---|---|---|---|"]
    for victim in victims:
        counts = [str(tally.kills[victim, sign]) for sign in ("-9", "-15", "-2")]
        table.append(f"| {victim} | {' | '.join(counts)} |")
    more = ["", "| fault | exit statuses | wrong afterwards |", "|---|---|---|"]
    more += [f"| {' | '.join(row)} |" for row in rows]
    figures = [
        "",
        f"{tally.done} kills in {tally.projects} projects, {tally.missed} came too late; "
        f"{tally.repeated} of the training steps were done twice; the last process was gone "
        f"{tally.slowest:.1f} s after its flow at most.",
        "",
        f"Wrong: {len(tally.wrong)}",
        *(f"- {one}" for one in tally.wrong),
    ]
    asked = f"--kills {args.kills} --seed {args.seed} --jobs {args.jobs}"
    head = ["# Chaos", "", f'`make chaos ARGS="{asked}"`', ""]
    return "\n".join([*head, *table, *more, *figures]) + "\n"


if __name__ == "__main__":
    main()
