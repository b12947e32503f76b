"""`touchline export`: a run's model, taken out of the cache by its digest, as a folder to give."""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from flows import record, workspace
from flows.record import Record
from touchline.faults import BadInput

STAGES = ("sft", "rl")
DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")


def offer(one: argparse.ArgumentParser) -> None:
    """The arguments."""
    one.add_argument("run", help="id of a run, its beginning, or `latest`")
    one.add_argument("--stage", choices=STAGES, default="rl", help="whose model")
    one.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")


def run(args: argparse.Namespace) -> int:
    """Exit status 0, or 2 where the model may not or cannot be given away."""
    from touchline.export.card import check
    from touchline.export.folder import export

    root = workspace.root()
    found = record.find(root, args.run)
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / args.stage
        _restore(root, _digest(found, f"data/{args.stage}"), model)
        export(model, lineage(found, args.stage), args.out)
    check(args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


def lineage(found: Record, stage: str) -> Any:
    """What the record of a run says of its model."""
    from touchline.export.folder import Lineage

    products = [file for done in found.stages.values() for file in done.products]
    scores = found.stages["evaluate"].metrics if "evaluate" in found.stages else {}
    digests = {file.path: file.md5 for file in products}
    return Lineage(
        *(found.id, found.commit, stage, found.params, digests, found.versions), scores=scores
    )


def _digest(found: Record, product: str) -> str:
    for done in found.stages.values():
        for file in done.products:
            if file.path == product:
                return file.md5
    raise BadInput(found.id, f"has made no {product}", "`touchline show RUN` lists its products")


def _restore(root: Path, digest: str, folder: Path) -> None:
    """Copy a folder out of DVC's cache: its list of files, then each file by its digest."""
    for entry in json.loads(_cached(root, digest).read_text()):
        target = (folder / entry["relpath"]).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise BadInput(entry["relpath"], "leaves its folder", "the cache is damaged")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_cached(root, entry["md5"]), target)


def _cached(root: Path, digest: str) -> Path:
    path = root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    if not DIGEST.fullmatch(digest) or not path.is_file():
        raise BadInput(digest, "is not in the cache here", "`touchline retrain` makes it again")
    return path
