"""What asking an endpoint costs: 78,000 requests at the server's pace, and thirty kills.

Run from the project's root: `python -m benchmarks.distilling`. It starts the tests' own stand-in
server in a process of its own, measures with a plain load generator what that can give, and then
what `touchline.endpoint` takes of it. It writes benchmarks/DISTILLING.md.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLAIN = """
import asyncio, json, sys, time
import aiohttp
url, count, in_flight = sys.argv[1] + "/chat/completions", int(sys.argv[2]), int(sys.argv[3])
async def main():
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def worker():
            for n in left:
                said = {"model": "m", "messages": [{"role": "user", "content": f"plain {n}"}]}
                key = {"Idempotency-Key": f"plain{n}"}
                async with session.post(url, data=json.dumps(said), headers=key) as got:
                    await got.read()
                    assert got.status == 200
        start = time.monotonic()
        await asyncio.gather(*[worker() for _ in range(in_flight)])
        print(count / (time.monotonic() - start))
asyncio.run(main())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=78_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.1)
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the ordeal is the tests' own
    lines = ["# Asking an endpoint: measured by `python -m benchmarks.distilling`", ""]
    lines += [*throughput(asked), "", *kills(asked)]
    text = "\n".join(lines) + "\n"
    print(text)
    page = Path(__file__).with_name("DISTILLING.md")
    _, head, rest = page.read_text().partition("\n## ")  # benchmarks.language_model writes that
    page.write_text(text + head + rest)


def throughput(asked: argparse.Namespace) -> list[str]:
    """The server's capacity before and after, and what the client takes of it."""
    from tests.endpoint import chaos

    good = ["--latency", str(asked.latency), "--slots", str(asked.slots)]
    bad = [*good, "--drop", "0.002", "--fail", "0.002", "--retry-after", "1"]
    few = max(asked.slots * 60, asked.requests // 10)
    with chaos.server(*good) as one:
        before = plain(one.url, few, asked.slots)
    with chaos.server(*bad) as one, tempfile.TemporaryDirectory() as folder:
        used = chaos.spent()
        child = chaos.client(one.url, Path(folder), asked.requests, asked.slots * 4)
        said, _ = child.communicate()
        used, counts = chaos.spent() - used, one.counts()
        stored = chaos.rows(Path(folder))
    with chaos.server(*good) as one:
        after = plain(one.url, few, asked.slots)
    right, peak, took = said.split()
    assert int(right) == asked.requests and stored == (asked.requests, 0)
    rate, capacity = asked.requests / float(took), (before + after) / 2
    return [
        f"{asked.requests} requests, one client process that may have {asked.slots * 4} in flight; "
        f"a server of {asked.slots} places and {asked.latency * 1000:.0f} ms, which answers 429 "
        "(Retry-After: 1) beyond them, fails 0.2 % and cuts 0.2 % of the lines. Capacity is what a "
        f"plain load generator gets with exactly {asked.slots} in flight and no fault, before and "
        "after; neither rate counts the start of its process.",
        "",
        "| | |",
        "|---|---|",
        f"| capacity, requests/s | {before:.1f} before, {after:.1f} after |",
        f"| client, requests/s | {rate:.1f} |",
        f"| share of the capacity | {rate / capacity:.3f} |",
        f"| client's peak memory, MiB | {peak} |",
        f"| client's CPU, ms per request | {1000 * used / asked.requests:.2f} |",
        f"| refused with 429 | {counts.get('refused', 0)} |",
        f"| cut lines, failures | {counts.get('dropped', 0)}, {counts.get('failed', 0)} |",
        f"| replies billed, requests | {counts['bills']}, {counts['keys']} |",
    ]


def plain(url: str, count: int, in_flight: int) -> float:
    """Requests per second of a bare load generator."""
    argv = [sys.executable, "-c", PLAIN, url, str(count), str(in_flight)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True)
    return float(said.stdout)


def kills(asked: argparse.Namespace) -> list[str]:
    from tests.endpoint import chaos

    count = asked.kills * 200
    bad = ["--latency", "0.02", "--slots", "16", "--drop", "0.02", "--fail", "0.02"]
    lines = [
        f"`kill -9` of the client {asked.kills} times during {count} requests, 2 % cut lines, 2 % "
        "failures:",
        "",
        "| server | good replies kept | in doubt at the end | replies billed | paid twice |",
        "|---|---|---|---|---|",
    ]
    for name, more in (("heeds Idempotency-Key", []), ("ignores it", ["--ignores-keys"])):
        with chaos.server(*bad, *more) as one, tempfile.TemporaryDirectory() as folder:
            chaos.ordeal(one, Path(folder), count, 32, asked.kills)
            (good, doubt), bills = chaos.rows(Path(folder)), one.counts()["bills"]
        lines.append(f"| {name} | {good} | {doubt} | {bills} | {bills - good} |")
    return [*lines, "", IGNORED]


IGNORED = (
    "A server that ignores the key is paid again for what was under way when the line was cut or "
    "the process killed: nobody else can know whether it was answered."
)


if __name__ == "__main__":
    main()
