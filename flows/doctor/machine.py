"""Doctor checks of the machine: disk, Python, packages, GPU, clock."""

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

from flows.doctor.finding import DoctorFinding, list_first_names, report_ok
from flows.runs import dvc_project, record
from flows.store import remote, run_claims

LITTLE, LEAST = 10 * 2**30, 2**30  # bytes
MIN_INODES = 10_000
SKEW, REFUSED = 5.0, 600.0  # seconds that clocks may differ; S3 refuses a request beyond 900
PINNED_PACKAGE = re.compile(r"([A-Za-z0-9_.-]+)==(\S+)")


def examine_machine(root: Path, full: bool) -> Iterator[DoctorFinding]:
    """Check disk, Python, packages, GPU and clock."""
    yield from check_disk_space(root)
    yield check_python_version()
    yield check_installed_packages(root)
    yield check_gpu_visible()
    yield from check_clock_skew(root)


def check_disk_space(root: Path) -> Iterator[DoctorFinding]:
    """Free space and inodes of the checkout's disk, and of the cache's disk if it is another."""
    places = {root.stat().st_dev: root}
    cache = dvc_project.read_cache_dir(root)
    if cache.is_dir():
        places.setdefault(cache.stat().st_dev, cache)
    for place in places.values():
        free, inodes = shutil.disk_usage(place).free, os.statvfs(place)
        sentence = f"{free / 2**30:.1f} GiB free at {place}"
        remedy = "free some space: `dvc gc` removes what no run needs, then look at checkpoints"
        if inodes.f_files and inodes.f_favail < MIN_INODES:
            yield DoctorFinding(
                "disk", "broken", f"{inodes.f_favail} inodes left at {place}", remedy
            )
        elif free < LITTLE:
            yield DoctorFinding("disk", "broken" if free < LEAST else "warning", sentence, remedy)
        else:
            yield report_ok("disk", sentence)


def check_python_version() -> DoctorFinding:
    """Check that Python is 3.11 or 3.12."""
    sentence = f"Python {platform.python_version()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return report_ok("python", sentence)
    return DoctorFinding(
        "python", "broken", f"{sentence} is not 3.11 or 3.12", "`make setup` with one"
    )


def check_installed_packages(root: Path) -> DoctorFinding:
    """Compare installed packages with requirements.lock, ignoring local build tags
    such as `+cpu`.
    """
    lock = root / "requirements.lock"
    if not lock.is_file():
        return DoctorFinding(
            "packages", "warning", "there is no requirements.lock", "`git restore` it"
        )
    installed = {
        _normalize_package_name(d.name): d.version for d in metadata.distributions() if d.name
    }
    locked = {
        _normalize_package_name(name): version
        for name, version in PINNED_PACKAGE.findall(lock.read_text())
    }
    differing = [
        f"{name} {installed.get(name, 'missing')} (lock: {version})"
        for name, version in locked.items()
        if installed.get(name, "").split("+")[0] != version.split("+")[0]
    ]
    if differing:
        return DoctorFinding(
            "packages", "warning", f"differ: {list_first_names(differing)}", "`make setup`"
        )
    return report_ok("packages", f"all {len(locked)} as locked")


def _normalize_package_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_gpu_visible() -> DoctorFinding:
    """Whether torch sees the GPU. Torch is imported only if there is one, because that takes
    seconds.
    """
    gpus = record.detect_hardware()["gpus"]
    if not gpus:
        return report_ok("gpu", "none; the tiny student needs none")
    import torch

    if torch.cuda.is_available():
        return report_ok("gpu", f"{list_first_names(gpus)}; torch {torch.__version__} sees it")
    problem = f"{list_first_names(gpus)}, and torch {torch.__version__} does not see it"
    return DoctorFinding(
        "gpu", "broken", problem, "install the CUDA build of torch that suits the driver"
    )


def check_clock_skew(root: Path) -> Iterator[DoctorFinding]:
    """Compare the system clock with the disk's, the shared store's and the start times of runs."""
    probe = root / ".touchline" / f".clock.{os.getpid()}"
    probe.touch()
    skew = probe.stat().st_mtime - time.time()
    probe.unlink()
    yield _clock_finding("the disk's", skew)
    if (store := remote.get_remote_store()) and (date := run_claims.ping_store(store.url)):
        yield _clock_finding("the store's", parsedate_to_datetime(date).timestamp() - time.time())
    now = datetime.now(UTC)
    future_runs = [
        run.id for run in record.list_runs(root) if datetime.fromisoformat(run.started) > now
    ]
    if future_runs:
        problem = (
            f"{len(future_runs)} runs began in the future "
            f"({list_first_names(future_runs)}): the clock jumped back"
        )
        yield DoctorFinding(
            "clock", "warning", problem, "set it by NTP; until then `latest` means those"
        )


def _clock_finding(whose: str, skew: float) -> DoctorFinding:
    sentence = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'before'} {whose}"
    if abs(skew) <= SKEW:
        return report_ok("clock", f"as {whose}")
    state = "broken" if abs(skew) > REFUSED else "warning"
    return DoctorFinding("clock", state, sentence, "set the clocks by NTP")
