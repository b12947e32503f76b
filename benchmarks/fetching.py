"""What a bad line costs a download: 2 GB that are cut, refused and killed, against a good line.

Run from the project's root: `python -m benchmarks.fetching`. It serves its own file on the
loopback and writes benchmarks/FETCHING.md. CPU seconds are those of the fetching processes.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
MB = 10**6
BLOCK = 64 * MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--drop", type=int, default=50, help="megabytes after which a line is cut")
    parser.add_argument("--busy", type=int, default=7, help="every so many requests get 503")
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the ordeal is the tests' own
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.bin"
        digest = fill(film, asked.megabytes * MB)
        good = trial(film, digest, Path(folder) / "good", kills=())
        bad = trial(
            film, digest, Path(folder) / "bad", (0.3, 0.7), drop=asked.drop * MB, busy=asked.busy
        )
    lines = [
        "# Fetching: measured by `python -m benchmarks.fetching`",
        "",
        f"{asked.megabytes} MB over HTTP on the loopback. The bad line is cut every {asked.drop} "
        f"MB, every {asked.busy}th request is answered 503, and the process is killed (-9) twice. "
        "Both end with the right sha256.",
        "",
        "| line | requests | bytes served / size | CPU s, fetching |",
        "|---|---|---|---|",
        f"| good | {good[0]} | {good[1]:.4f} | {good[2]:.1f} |",
        f"| bad | {bad[0]} | {bad[1]:.4f} | {bad[2]:.1f} |",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    Path(__file__).with_name("FETCHING.md").write_text(text)


def fill(film: Path, size: int) -> str:
    """Random bytes, and their sha256."""
    draw, digest = random.Random(7), hashlib.sha256()
    with film.open("wb") as file:
        for start in range(0, size, BLOCK):
            block = draw.randbytes(min(BLOCK, size - start))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def trial(
    film: Path, digest: str, work: Path, kills: tuple[float, ...], drop: int = 0, busy: int = 0
) -> tuple[int, float, float]:
    """Requests, bytes served per byte of the file, CPU seconds; the digest must be right."""
    from tests.sources.fetch.ordeal import survive
    from tests.sources.fetch.origin_server import Origin, serving

    os.environ["TOUCHLINE_DOWNLOADS"] = str(work / "kept")
    size = film.stat().st_size
    with serving(Origin({"film.bin": film}, drop=drop, busy=busy)) as origin:
        served: Callable[[], int] = lambda: origin.served  # noqa: E731
        spent = survive(origin.url("film.bin"), work / "own", digest, size, served, kills=kills)
    with (work / "own/film.bin").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    return len(origin.seen), origin.served / size, spent


if __name__ == "__main__":
    main()
