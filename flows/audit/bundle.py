"""Write an audit folder: whole or not at all, every file of it in a manifest."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from markupsafe import Markup

from flows.audit import croissant, facts, model_card, sbom, signature
from flows.audit.check import FORMAT, MANIFEST, SIGNATURE, SUM, sha256
from flows.audit.facts import Case
from flows.audit.figures import Figures
from flows.audit.graph_svg import draw
from touchline.atomic import whole_folder
from touchline.report.template import write_page

KEPT = ("teacher.json", "terms.json", "sight.json")  # descriptions of products, without their rows


def write(case: Case, out: Path) -> None:
    """Everything, and the manifest last; signed where the environment holds a key."""
    with whole_folder(out) as draft:
        _put(draft / "run.json", case.run)
        for name, stage in case.run["stages"].items():
            _put(draft / "measured" / f"{name}.json", stage["metrics"])
        _put(draft / "measured" / "counts.json", _counted(case, draft))
        _put(draft / "measured" / "energy.json", facts.estimate(case.run, case.watts))
        _put(draft / "subject.json", case.subject)
        _put(draft / "origins.json", case.origins)
        _put(draft / "missing.json", case.missing)
        for place, content in _texts(case):
            (draft / place).parent.mkdir(parents=True, exist_ok=True)
            (draft / place).write_bytes(content)
        for name, told in _croissants(case):
            _put(draft / "croissant" / f"{name}.json", told)
        (draft / "bom.cdx.json").write_text(sbom.write(case), encoding="utf-8")
        (draft / "card.md").write_text(model_card.write(case), encoding="utf-8")
        _page(case, draft)
        _seal(case, draft)


def _put(file: Path, given: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(given, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _counted(case: Case, draft: Path) -> dict[str, Any]:
    """Rows per product and fates per stage; ledgers are copied, but for those of NDA content."""
    found: dict[str, Any] = {"rows": {}, "ledgers": {}}
    for stage, one in case.run["stages"].items():
        for file in one["products"]:
            place = case.products / file["path"]
            if (rows := facts.count_product_rows(place)) is not None:
                found["rows"][file["path"]] = rows
            withheld = file["terms"] == "nda"
            if told := facts.fates(place / facts.LEDGER, withheld):
                found["ledgers"][stage] = told
                if not withheld:
                    (draft / "ledgers").mkdir(exist_ok=True)
                    shutil.copyfile(place / facts.LEDGER, draft / "ledgers" / f"{stage}.parquet")
    return found


def _texts(case: Case) -> Iterator[tuple[str, bytes]]:
    yield from case.files.items()
    for path, content in case.texts.items():
        yield f"texts/{path}", content
    for run, part in case.events.items():
        yield f"events/{run}.jsonl", part
    if case.run["patch"]:
        yield "patch.diff", case.run["patch"].encode()
    for file in case.made():
        for name in KEPT:
            held = case.products / file["path"] / name
            if held.is_file():
                yield f"described/{file['path']}/{name}", held.read_bytes()


def _croissants(case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    made = case.run["ended"] or case.run["started"]
    for stage, one in case.run["stages"].items():
        for file in one["products"]:
            place = case.products / file["path"]
            if facts.tables(place) and file["path"] not in case.models:
                name = file["path"].rsplit("/", 1)[-1]
                said, held = case.about.get(stage, ""), case.digests.get(file["path"], {})
                yield name, croissant.describe(name, said, file["md5"], place, held, made)


def _page(case: Case, draft: Path) -> None:
    quote = Figures(draft)
    held = quote.load("measured/counts.json")
    write_page(
        draft / "index.html",
        "audit.html",
        q=quote,
        run=case.run,
        subject=case.subject,
        counts=held,
        origins=case.origins,
        missing=case.missing,
        drawing=draw(quote, case.run["stages"], held) if case.run["stages"] else Markup(""),
        files=sorted(p.relative_to(draft).as_posix() for p in draft.rglob("*") if p.is_file()),
        texts=sorted(f"texts/{path}" for path in case.texts),
        measured=_scored(case.run),
    )


def _scored(run: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The last stage that scored candidates, and what it says."""
    found = [
        (n, s["metrics"]["candidates"])
        for n, s in run["stages"].items()
        if "candidates" in s["metrics"]
    ]
    return found[-1] if found else ("", {})


def _seal(case: Case, draft: Path) -> None:
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    listed = {
        path.relative_to(draft).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in files
    }
    told = {"format": FORMAT, "touchline": metadata.version("touchline")}
    told |= {"made": datetime.now(UTC).isoformat(timespec="seconds")}
    told |= {"run": case.run["id"], "subject": case.subject, "files": listed}
    _put(draft / MANIFEST, told)
    (draft / SUM).write_text(f"{sha256(draft / MANIFEST)}  {MANIFEST}\n")
    if key := signature.private():
        text = signature.signature(key, (draft / MANIFEST).read_bytes())
        (draft / SIGNATURE).write_text(text)
