"""The machine: disk, Python, packages, GPU, clock."""

import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path

from flows.doctor.finding import Finding, ok, some
from flows.runs import dvc_project, record
from flows.store import remote, run_claims

LITTLE, LEAST = 10 * 2**30, 2**30  # bytes
INODES = 10_000
SKEW, REFUSED = 5.0, 600.0  # seconds that clocks may differ; S3 refuses a request beyond 900
PIN = re.compile(r"([A-Za-z0-9_.-]+)==(\S+)")


def look(root: Path, full: bool) -> Iterator[Finding]:
    yield from disk(root)
    yield python()
    yield packages(root)
    yield gpu()
    yield from clock(root)


def disk(root: Path) -> Iterator[Finding]:
    """Of the checkout, and of DVC's cache where that is on another disk."""
    places = {root.stat().st_dev: root}
    cache = dvc_project.cache(root)
    if cache.is_dir():
        places.setdefault(cache.stat().st_dev, cache)
    for place in places.values():
        free, inodes = shutil.disk_usage(place).free, os.statvfs(place)
        said = f"{free / 2**30:.1f} GiB free at {place}"
        remedy = "free some space: `dvc gc` removes what no run needs, then look at checkpoints"
        if inodes.f_files and inodes.f_favail < INODES:
            yield Finding("disk", "broken", f"{inodes.f_favail} inodes left at {place}", remedy)
        elif free < LITTLE:
            yield Finding("disk", "broken" if free < LEAST else "warning", said, remedy)
        else:
            yield ok("disk", said)


def python() -> Finding:
    said = f"Python {platform.python_version()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return ok("python", said)
    return Finding("python", "broken", f"{said} is not 3.11 or 3.12", "`make setup` with one")


def packages(root: Path) -> Finding:
    """What is installed against requirements.lock; a build tag such as `+cpu` is no difference."""
    lock = root / "requirements.lock"
    if not lock.is_file():
        return Finding("packages", "warning", "there is no requirements.lock", "`git restore` it")
    here = {_name(d.name): d.version for d in metadata.distributions() if d.name}
    wanted = {_name(name): version for name, version in PIN.findall(lock.read_text())}
    other = [
        f"{name} {here.get(name, 'missing')} (lock: {version})"
        for name, version in wanted.items()
        if here.get(name, "").split("+")[0] != version.split("+")[0]
    ]
    if other:
        return Finding("packages", "warning", f"differ: {some(other)}", "`make setup`")
    return ok("packages", f"all {len(wanted)} as locked")


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def gpu() -> Finding:
    """Torch is asked only where there is a GPU: importing it takes seconds."""
    gpus = record.hardware()["gpus"]
    if not gpus:
        return ok("gpu", "none; the tiny student needs none")
    import torch

    if torch.cuda.is_available():
        return ok("gpu", f"{some(gpus)}; torch {torch.__version__} sees it")
    wrong = f"{some(gpus)}, and torch {torch.__version__} does not see it"
    return Finding("gpu", "broken", wrong, "install the CUDA build of torch that suits the driver")


def clock(root: Path) -> Iterator[Finding]:
    """Against the disk's clock, the store's, and the times that runs have written down."""
    probe = root / ".touchline" / f".clock.{os.getpid()}"
    probe.touch()
    skew = probe.stat().st_mtime - time.time()
    probe.unlink()
    yield _clock("the disk's", skew)
    if (store := remote.named()) and (date := run_claims.reach(store.url)):
        yield _clock("the store's", parsedate_to_datetime(date).timestamp() - time.time())
    now = datetime.now(UTC)
    later = [run.id for run in record.every(root) if datetime.fromisoformat(run.started) > now]
    if later:
        wrong = f"{len(later)} runs began in the future ({some(later)}): the clock jumped back"
        yield Finding("clock", "warning", wrong, "set it by NTP; until then `latest` means those")


def _clock(whose: str, skew: float) -> Finding:
    said = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'before'} {whose}"
    if abs(skew) <= SKEW:
        return ok("clock", f"as {whose}")
    state = "broken" if abs(skew) > REFUSED else "warning"
    return Finding("clock", state, said, "set the clocks by NTP")
