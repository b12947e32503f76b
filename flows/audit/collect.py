"""`touchline audit`: one folder that says where a model, a run or a number comes from."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.audit import subject
from flows.runs import overrides, record, worktree
from flows.runs.record import Record
from touchline.config import Params, section
from touchline.errors import BadInput

if TYPE_CHECKING:
    from flows.audit.facts import Case

QUOTED = ("params.yaml", "dvc.yaml", "dvc.lock", "requirements.lock")
TEXTS = (".txt", ".md", ".jinja")
SMALL = (".parquet", ".json")  # of a product: what is read here


class Audit(Params):
    """The section `audit` of params.yaml."""

    watts: float  # of one busy core, for the estimate of energy


def offer(actions: Any) -> None:
    """The action and its arguments."""
    one = actions.add_parser("audit", help="say where a model, a run or a number comes from")
    one.set_defaults(action=run)
    what = "a run, `latest`, a model (`champion`, a digest, data/rl) or a metric (spotting.f1)"
    one.add_argument("what", nargs="?", default="latest", metavar="MODEL|RUN|METRIC", help=what)
    one.add_argument("--output", type=Path, metavar="DIR", help="else .touchline/audit/RUN")
    one.add_argument("--verify", type=Path, metavar="FOLDER", help="check such a folder")
    one.add_argument("--key", type=Path, metavar="PEM", help="the public key that must have signed")


def run(args: argparse.Namespace) -> int:
    """Exit status 0; 1 for a folder that was changed; 2 for what cannot be audited."""
    if args.verify:
        return verify(args.verify, args.key)
    root = worktree.root()
    out = make(root, args.what, args.output)
    sys.stdout.write(f"{out / 'index.html'}\n")
    return 0


def verify(folder: Path, key: Path | None) -> int:
    """Say what is wrong with a folder, a line for each."""
    from flows.audit.check import check

    faults, notes = check(folder, key)
    for fault in faults:
        sys.stderr.write(f"error: {fault}\n")
    for note in filter(None, notes):
        sys.stdout.write(f"{note}\n")
    if not faults:
        sys.stdout.write(f"{folder}: every file and every figure is as it was written\n")
    return 1 if faults else 0


def make(root: Path, what: str, output: Path | None) -> Path:
    """Write the folder and return where it is."""
    from flows.audit.bundle import write
    from flows.audit.check import MANIFEST

    found, asked = subject.resolve(root, what)
    out = output or root / ".touchline" / "audit" / found.id
    if out.exists() and not (out / MANIFEST).is_file():
        raise BadInput(f"--output {out}", "is there and no audit folder", "name another")
    with tempfile.TemporaryDirectory() as place:
        write(case(root, found, asked, Path(place)), out)
    return out


def case(root: Path, found: Record, asked: dict[str, Any], place: Path) -> "Case":
    """Everything about a run that is still here; `place` is filled with links to its tables."""
    from flows.audit.facts import Case

    digests, missing = linked(root, found, place)
    made_by = origins(root, found)
    (place / "dvc.yaml").write_bytes(shown(root, found, "dvc.yaml"))
    declared = overrides.read(place / "dvc.yaml")
    stages = {name: one.get("desc", "") for name, one in declared.get("stages", {}).items()}
    return Case(
        run=json.loads(found.model_dump_json()),
        subject=asked,
        products=place,
        texts=dict(_texts(root, found)),
        files={name: text for name in QUOTED if (text := shown(root, found, name))},
        events=_events(root, {found.id, *made_by.values()}),
        origins=made_by,
        about=stages,
        models=_models(declared, found),
        watts=_watts(root),
        digests=digests,
        missing=missing,
    )


def _watts(root: Path) -> float:
    settings: Audit = section(Audit, "audit", root / "params.yaml")
    return settings.watts


def _models(declared: dict[str, Any], found: Record) -> dict[str, str]:
    paths = {a["path"] for a in declared.get("artifacts", {}).values() if a.get("type") == "model"}
    return {file.path: file.md5 for file in found.products if file.path in paths}


def linked(root: Path, found: Record, place: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Link tables and descriptions of every product; what the cache has lost is named."""
    from flows.runs import dvc_project
    from flows.store.dvc_cache import names, stored

    cache, digests, missing = dvc_project.cache(root), {}, []
    for file in found.products:
        whose = f"{file.path} of run {found.id}"
        try:
            held = names(cache, file.md5, whose) if file.md5.endswith(".dir") else {}
            digests[file.path] = held
            for name, md5 in held.items():
                if name.endswith(SMALL):
                    (place / file.path / name).parent.mkdir(parents=True, exist_ok=True)
                    (place / file.path / name).symlink_to(stored(cache, md5, whose))
        except BadInput:
            missing.append(file.path)
    return digests, missing


def shown(root: Path, found: Record, path: str) -> bytes:
    """A file as the run had it; b"" where its commit is gone or never had one."""
    for commit in (f"refs/runs/{found.id}", found.commit):
        ask = ["git", "show", f"{commit}:{path}"]
        done = subprocess.run(ask, cwd=root, capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout
    return b""


def _texts(root: Path, found: Record) -> Iterator[tuple[str, bytes]]:
    """What the stages read in words: prompts among their dependencies."""
    seen = set[str]()
    for file in (f for done in found.stages.values() for f in done.inputs):
        if file.path.endswith(TEXTS) and file.path not in seen:
            seen.add(file.path)
            if text := shown(root, found, file.path):
                yield file.path, text


def origins(root: Path, found: Record) -> dict[str, str]:
    """For each stage the run that executed it to make what this run has."""
    before = [one for one in record.every(root) if one.id <= found.id]
    made: dict[str, str] = {}
    for name, done in found.stages.items():
        for one in reversed(before):
            there = one.stages.get(name)
            if there and there.state == "Ran" and there.products == done.products:
                made[name] = one.id
                break
    return made


def _events(root: Path, runs: set[str]) -> dict[str, bytes]:
    """Of each of these runs its part of the chain, without a gap.

    Where words were taken out of a line, up to the event that says so.
    """
    from flows.tracking import event_chain

    file = root / ".touchline" / "lineage" / "events.jsonl"
    links = event_chain.read(file).links
    told = [
        at for at, link in enumerate(links) if event_chain.BLOTTED in link.event["run"]["facets"]
    ]
    parts = {}
    for id in runs:
        mine = [at for at, link in enumerate(links) if f'"id":"{id}"'.encode() in link.line]
        if mine:
            part = links[mine[0] : mine[-1] + 1]
            part = links[mine[0] : told[-1] + 1] if any(link.was for link in part) else part
            parts[id] = b"".join(link.line + b"\n" for link in part)
    return parts
