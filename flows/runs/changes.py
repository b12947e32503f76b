"""What changed between two runs: commits, code files, parameters, products, packages and machine.

`touchline diff` and `touchline bisect` both report from this one comparison.
"""

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.runs import overrides, worktree
from flows.runs.past_run import read_run_file
from flows.runs.record import RunRecord, TrackedFile

PINNED_VERSION = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE
)  # in a requirements file

Difference = dict[str, tuple[Any, Any]]  # key -> (before, after)


@dataclass(frozen=True)
class RunChanges:
    """The differences of two runs, each as {key: (before, after)} with None for a missing key."""

    new_commits: list[str]  # one line each: those that only the later run has
    old_commits: list[str]  # those that only the earlier run has
    patch: Difference  # digest of the uncommitted changes
    inputs: dict[str, Difference]  # stage -> its code and texts: path -> digests
    params: Difference  # dotted key -> values
    products: Difference  # path -> digests
    packages: Difference  # name -> versions, those of requirements.lock included
    hardware: Difference


def diff_mappings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Keys whose values differ: {key: (before, after)}; None stands for a missing key."""
    return {
        key: (before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def diff_runs(root: Path, before: RunRecord, after: RunRecord) -> RunChanges:
    """Compare the records of two runs, their commits, and their requirements.lock in git."""
    shared_stages = [name for name in before.stages if name in after.stages]

    def diff(read: Callable[[RunRecord], Mapping[str, Any]]) -> Difference:
        return diff_mappings(read(before), read(after))

    return RunChanges(
        new_commits=_list_commits(root, before.commit, after.commit),
        old_commits=_list_commits(root, after.commit, before.commit),
        patch=diff(lambda run: {"patch": run.difference}),
        inputs={
            name: diff_mappings(
                _digests(before.stages[name].inputs), _digests(after.stages[name].inputs)
            )
            for name in shared_stages
        },
        params=diff(lambda run: overrides.flatten_params(run.params)),
        products=diff(lambda run: _digests(run.products)),
        packages=diff(lambda run: _read_versions(root, run)),
        hardware=diff(lambda run: run.hardware),
    )


def parse_pinned_versions(lock: str) -> dict[str, str]:
    """{package: version} of a requirements file."""
    return dict(PINNED_VERSION.findall(lock))


def _list_commits(root: Path, start: str, end: str) -> list[str]:
    """One line per commit in `end` that `start` does not have; only the id of `end` if git here has
    not got both.
    """
    if start == end:
        return []
    try:
        return worktree.run_git(root, "log", "--oneline", f"{start}..{end}").splitlines()
    except subprocess.CalledProcessError:  # a commit that only another machine has
        return [end[:12]]


def _digests(files: Iterable[TrackedFile]) -> dict[str, str]:
    return {file.path: file.md5 for file in files}


def _read_versions(root: Path, run: RunRecord) -> dict[str, str]:
    """The pinned versions of the run's requirements.lock, under those that were recorded."""
    lock = read_run_file(root, run, "requirements.lock").decode()
    return parse_pinned_versions(lock) | run.versions
