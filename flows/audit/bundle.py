"""Write an audit folder atomically, with all its files in a manifest."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from markupsafe import Markup

from flows.audit import croissant, facts, model_card, sbom, signature
from flows.audit.check import FORMAT, MANIFEST, SIGNATURE, SUM, hash_file_sha256
from flows.audit.facts import AuditCase
from flows.audit.figures import FigureQuoter
from flows.audit.graph_svg import draw_run_graph
from touchline.atomic import atomic_folder
from touchline.html_page.template import write_html_page

DESCRIPTION_FILES = (
    "teacher.json",
    "terms.json",
    "sight.json",
)  # descriptions of products, without their rows


def write_audit_folder(case: AuditCase, out: Path) -> None:
    """Write all files of the audit, then the manifest; signed if the environment holds a signing
    key.
    """
    with atomic_folder(out) as draft:
        _write_json(draft / "run.json", case.run)
        for name, stage in case.run["stages"].items():
            _write_json(draft / "measured" / f"{name}.json", stage["metrics"])
        _write_json(draft / "measured" / "counts.json", _count_and_copy_ledgers(case, draft))
        _write_json(
            draft / "measured" / "energy.json", facts.estimate_run_energy(case.run, case.watts)
        )
        _write_json(draft / "subject.json", case.subject)
        _write_json(draft / "origins.json", case.origins)
        _write_json(draft / "missing.json", case.missing)
        for place, content in _verbatim_files(case):
            (draft / place).parent.mkdir(parents=True, exist_ok=True)
            (draft / place).write_bytes(content)
        for name, croissant_metadata in _croissant_files(case):
            _write_json(draft / "croissant" / f"{name}.json", croissant_metadata)
        (draft / "bom.cdx.json").write_text(sbom.format_sbom(case), encoding="utf-8")
        (draft / "card.md").write_text(model_card.format_model_card(case), encoding="utf-8")
        _write_index(case, draft)
        _write_manifest(case, draft)


def _write_json(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _count_and_copy_ledgers(case: AuditCase, draft: Path) -> dict[str, Any]:
    """Rows per product and ledger counts per stage. Copies ledgers into the folder, except those of
    NDA content.
    """
    totals: dict[str, Any] = {"rows": {}, "ledgers": {}}
    for stage, stage_record in case.run["stages"].items():
        for file in stage_record["products"]:
            place = case.products / file["path"]
            if (rows := facts.count_product_rows(place)) is not None:
                totals["rows"][file["path"]] = rows
            withheld = file["terms"] == "nda"
            if ledger_counts := facts.count_ledger_states(place / facts.LEDGER_FILE, withheld):
                totals["ledgers"][stage] = ledger_counts
                if not withheld:
                    (draft / "ledgers").mkdir(exist_ok=True)
                    shutil.copyfile(
                        place / facts.LEDGER_FILE, draft / "ledgers" / f"{stage}.parquet"
                    )
    return totals


def _verbatim_files(case: AuditCase) -> Iterator[tuple[str, bytes]]:
    yield from case.files.items()
    for path, content in case.texts.items():
        yield f"texts/{path}", content
    for run, part in case.events.items():
        yield f"events/{run}.jsonl", part
    if case.run["patch"]:
        yield "patch.diff", case.run["patch"].encode()
    for file in case.product_files():
        for name in DESCRIPTION_FILES:
            description_file = case.products / file["path"] / name
            if description_file.is_file():
                yield f"described/{file['path']}/{name}", description_file.read_bytes()


def _croissant_files(case: AuditCase) -> Iterator[tuple[str, dict[str, Any]]]:
    date_published = case.run["ended"] or case.run["started"]
    for stage, stage_record in case.run["stages"].items():
        for file in stage_record["products"]:
            place = case.products / file["path"]
            if facts.list_parquet_files(place) and file["path"] not in case.models:
                name = file["path"].rsplit("/", 1)[-1]
                description, digests = case.about.get(stage, ""), case.digests.get(file["path"], {})
                yield (
                    name,
                    croissant.build_croissant_metadata(
                        name, description, file["md5"], place, digests, date_published
                    ),
                )


def _write_index(case: AuditCase, draft: Path) -> None:
    quote = FigureQuoter(draft)
    row_counts = quote.load("measured/counts.json")
    write_html_page(
        draft / "index.html",
        Path(__file__).with_name("audit.html"),
        q=quote,
        run=case.run,
        subject=case.subject,
        counts=row_counts,
        origins=case.origins,
        missing=case.missing,
        drawing=draw_run_graph(quote, case.run["stages"], row_counts)
        if case.run["stages"]
        else Markup(""),
        files=sorted(p.relative_to(draft).as_posix() for p in draft.rglob("*") if p.is_file()),
        texts=sorted(f"texts/{path}" for path in case.texts),
        measured=_last_scored_stage(case.run),
    )


def _last_scored_stage(run: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(stage, candidates' scores) of the last stage that scored candidates; ('', {}) if there is
    none.
    """
    scored_stages = [
        (n, s["metrics"]["candidates"])
        for n, s in run["stages"].items()
        if "candidates" in s["metrics"]
    ]
    return scored_stages[-1] if scored_stages else ("", {})


def _write_manifest(case: AuditCase, draft: Path) -> None:
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    listed = {
        path.relative_to(draft).as_posix(): {
            "sha256": hash_file_sha256(path),
            "bytes": path.stat().st_size,
        }
        for path in files
    }
    manifest = {"format": FORMAT, "touchline": metadata.version("touchline")}
    manifest |= {"made": datetime.now(UTC).isoformat(timespec="seconds")}
    manifest |= {"run": case.run["id"], "subject": case.subject, "files": listed}
    _write_json(draft / MANIFEST, manifest)
    (draft / SUM).write_text(f"{hash_file_sha256(draft / MANIFEST)}  {MANIFEST}\n")
    if key := signature.load_signing_key():
        text = signature.sign_bytes(key, (draft / MANIFEST).read_bytes())
        (draft / SIGNATURE).write_text(text)
