"""Replay the project's own history: how often would each stage have run again?

`python -m benchmarks.stage_reruns` walks the 178 commits before the files moved to one room per
feature. A commit reruns a stage if it changes a file under one of the stage's code deps: once with
the lists of that commit's own dvc.yaml, which named files, and once with today's dvc.yaml, which
names rooms, the file's path followed to where it is today. A file that is gone today counts for the
same stages in both. Only code and texts count, not params.
"""

import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
FIRST_MOVE = "House: files move to one room per feature"  # title of the commit
COMMITS = 178
CODE = ("touchline/", "stages/")
RECORDS = "touchline/records.py"  # became a folder: a change of it counts as one of each noun
RENAME_SHARE = "-M40%"  # of a file's lines that must be equal, for its move to be known
CodeDeps = dict[str, list[str]]


def main() -> None:
    """Print the table."""
    commits = list_commits()
    places: dict[str, str] = {}
    for commit in run_git("log", "--format=%H", f"{commits[0]}..HEAD").split():
        places = follow_renames(f"{commit}^", commit, places)
    new_deps = read_code_deps("HEAD")
    old_counts, new_counts = Counter[str](), Counter[str]()
    old_only, new_only = Counter[str](), Counter[str]()
    for commit in commits:
        changed = list_changed_files(commit)
        old_deps = read_code_deps(commit)
        old = find_rerun_stages(changed, old_deps)
        new = find_reruns_today(changed, places, new_deps, old_deps)
        old_counts.update(old)
        new_counts.update(new)
        old_only.update(old - new)
        new_only.update(new - old)
        places = follow_renames(f"{commit}^", commit, places)
    print(f"{len(commits)} commits, {commits[-1][:7]} to {commits[0][:7]}\n")
    print("| stage | lists of files | rooms | files alone | rooms alone |\n|---|---|---|---|---|")
    for stage in new_deps:
        counts = old_counts[stage], new_counts[stage], old_only[stage], new_only[stage]
        print(f"| {stage} | {' | '.join(map(str, counts))} |")


def run_git(*words: str) -> str:
    """What a git command prints."""
    command = ["git", "-c", "core.quotepath=off", *words]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def list_commits() -> list[str]:
    """The commits before the move, newest first."""
    move = run_git("log", "--format=%H", "--fixed-strings", f"--grep={FIRST_MOVE}").split()[-1]
    return run_git("log", "--format=%H", f"-{COMMITS}", f"{move}^").split()


def read_code_deps(commit: str) -> CodeDeps:
    """{stage: its deps that are code or texts} of the dvc.yaml of a commit."""
    stages = YAML(typ="safe").load(run_git("show", f"{commit}:dvc.yaml"))["stages"]
    return {
        name: [dep for dep in stage["deps"] if dep.startswith(CODE)]
        for name, stage in stages.items()
    }


def list_changed_files(commit: str) -> set[str]:
    """The code and texts that a commit changes or removes, by their paths then."""
    names = run_git("diff", "--name-only", "--no-renames", f"{commit}^", commit).splitlines()
    return {name for name in names if name.startswith(CODE)}


def follow_renames(older: str, newer: str, places: Mapping[str, str]) -> dict[str, str]:
    """{path at `older`: path today} of moved files, from the same of `newer`."""
    lines = run_git("diff", "--name-status", "--diff-filter=R", RENAME_SHARE, older, newer)
    moves = [line.split("\t")[1:] for line in lines.splitlines()]
    return {**places, **{old: places.get(new, new) for old, new in moves}}


def find_reruns_today(
    changed: Iterable[str], places: Mapping[str, str], new_deps: CodeDeps, old_deps: CodeDeps
) -> set[str]:
    """The stages that a change would rerun with today's deps. A file that is nowhere today (it was
    deleted or taken apart) counts for the stages that it was a dep of.
    """
    stages: set[str] = set()
    for name in changed:
        paths = map_to_today(name, places)
        is_here = any((ROOT / path).exists() for path in paths)
        stages |= (
            find_rerun_stages(paths, new_deps) if is_here else find_rerun_stages([name], old_deps)
        )
    return stages


def map_to_today(name: str, places: Mapping[str, str]) -> list[str]:
    """Today's paths of a file of the past; its old path where it has gone or stayed."""
    if name == RECORDS:
        nouns = (ROOT / "touchline/records").glob("*.py")
        return [path.relative_to(ROOT).as_posix() for path in nouns]
    return [places.get(name, name)]


def find_rerun_stages(changed: Iterable[str], deps: CodeDeps) -> set[str]:
    """The stages that have a changed file under one of their deps."""
    names = list(changed)
    return {
        stage
        for stage, paths in deps.items()
        if any(name == dep or name.startswith(f"{dep}/") for name in names for dep in paths)
    }


if __name__ == "__main__":
    main()
