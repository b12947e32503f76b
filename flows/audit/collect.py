"""`touchline audit`: write a folder that documents where a model, a run or a metric comes from."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.audit import subject
from flows.runs import overrides, record
from flows.runs.past_run import read_run_file
from flows.runs.record import RunRecord
from touchline.config import Params, load_params_section
from touchline.errors import InputError

if TYPE_CHECKING:
    from flows.audit.facts import AuditCase

QUOTED_FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "requirements.lock")
PROMPT_SUFFIXES = (".txt", ".md", ".jinja")
TABLE_SUFFIXES = (".parquet", ".json")  # of a product: what is read here


class AuditSettings(Params):
    """The section `audit` of params.yaml."""

    watts: float  # of one busy core, for the estimate of energy


def verify_audit_folder(folder: Path, key: Path | None) -> int:
    """Check an audit folder and print one line per problem. Returns 1 if there is any, else 0."""
    from flows.audit.check import check_audit_folder

    faults, notes = check_audit_folder(folder, key)
    for fault in faults:
        sys.stderr.write(f"error: {fault}\n")
    for note in filter(None, notes):
        sys.stdout.write(f"{note}\n")
    if not faults:
        sys.stdout.write(f"{folder}: every file and every figure is as it was written\n")
    return 1 if faults else 0


def create_audit_folder(root: Path, target: str, output: Path | None) -> Path:
    """Write the audit folder of `target` and return its path. Raises `InputError` if `output`
    exists and is not an audit folder.
    """
    from flows.audit.bundle import write_audit_folder
    from flows.audit.check import MANIFEST

    run_record, subject_facts = subject.resolve_audit_target(root, target)
    out = output or root / ".touchline" / "audit" / run_record.id
    if out.exists() and not (out / MANIFEST).is_file():
        raise InputError(f"--output {out}", "is there and no audit folder", "name another")
    with tempfile.TemporaryDirectory() as place:
        write_audit_folder(collect_audit_case(root, run_record, subject_facts, Path(place)), out)
    return out


def collect_audit_case(
    root: Path, run_record: RunRecord, subject_facts: dict[str, Any], place: Path
) -> "AuditCase":
    """Collect everything that is still available about a run; `place` is filled with links to its
    tables.
    """
    from flows.audit.facts import AuditCase

    digests, missing = link_product_tables(root, run_record, place)
    run_of_stage = find_stage_origins(root, run_record)
    (place / "dvc.yaml").write_bytes(read_run_file(root, run_record, "dvc.yaml"))
    declared = overrides.read_yaml_mapping(place / "dvc.yaml")
    stages = {name: stage.get("desc", "") for name, stage in declared.get("stages", {}).items()}
    return AuditCase(
        run=json.loads(run_record.model_dump_json()),
        subject=subject_facts,
        products=place,
        texts=dict(_prompt_texts(root, run_record)),
        files={
            name: text for name in QUOTED_FILES if (text := read_run_file(root, run_record, name))
        },
        events=_event_excerpts(root, {run_record.id, *run_of_stage.values()}),
        origins=run_of_stage,
        about=stages,
        models=_model_digests(declared, run_record),
        approaches=read_model_approaches(declared),
        watts=_watts_per_core(root),
        digests=digests,
        missing=missing,
    )


def _watts_per_core(root: Path) -> float:
    settings: AuditSettings = load_params_section(AuditSettings, "audit", root / "params.yaml")
    return settings.watts


def _model_digests(declared: dict[str, Any], run_record: RunRecord) -> dict[str, str]:
    paths = {a["path"] for a in declared.get("artifacts", {}).values() if a.get("type") == "model"}
    return {file.path: file.md5 for file in run_record.products if file.path in paths}


def read_model_approaches(declared: dict[str, Any]) -> dict[str, str]:
    """{path: approach} of the models whose entry in dvc.yaml states one."""
    return {
        artifact["path"]: artifact["meta"]["approach"]
        for artifact in declared.get("artifacts", {}).values()
        if "approach" in artifact.get("meta", {})
    }


def link_product_tables(
    root: Path, run_record: RunRecord, place: Path
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Link the tables and JSON files of every product into `place`. Returns ({product: {file:
    md5}}, paths of products missing in DVC's cache).
    """
    from flows.runs import dvc_project
    from flows.store.dvc_cache import locate_cached_object, read_folder_listing

    cache, digests, missing = dvc_project.read_cache_dir(root), {}, []
    for file in run_record.products:
        label = f"{file.path} of run {run_record.id}"
        try:
            listing = (
                read_folder_listing(cache, file.md5, label) if file.md5.endswith(".dir") else {}
            )
            digests[file.path] = listing
            for name, md5 in listing.items():
                if name.endswith(TABLE_SUFFIXES):
                    (place / file.path / name).parent.mkdir(parents=True, exist_ok=True)
                    (place / file.path / name).symlink_to(locate_cached_object(cache, md5, label))
        except InputError:
            missing.append(file.path)
    return digests, missing


def _prompt_texts(root: Path, run_record: RunRecord) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the prompt files among the stages' inputs."""
    listed_paths = set[str]()
    for file in (f for stage_record in run_record.stages.values() for f in stage_record.inputs):
        if file.path.endswith(PROMPT_SUFFIXES) and file.path not in listed_paths:
            listed_paths.add(file.path)
            if text := read_run_file(root, run_record, file.path):
                yield file.path, text


def find_stage_origins(root: Path, run_record: RunRecord) -> dict[str, str]:
    """Map each stage to the id of the run that actually executed it to make this run's products."""
    earlier_runs = [earlier for earlier in record.list_runs(root) if earlier.id <= run_record.id]
    run_of_stage: dict[str, str] = {}
    for name, stage_record in run_record.stages.items():
        for earlier in reversed(earlier_runs):
            earlier_stage = earlier.stages.get(name)
            if (
                earlier_stage
                and earlier_stage.state == "Ran"
                and earlier_stage.products == stage_record.products
            ):
                run_of_stage[name] = earlier.id
                break
    return run_of_stage


def _event_excerpts(root: Path, runs: set[str]) -> dict[str, bytes]:
    """For each run, its gapless part of the OpenLineage event chain. If a line in it was redacted,
    the part extends to the last redaction event.
    """
    from flows.tracking import event_chain

    file = root / ".touchline" / "lineage" / "events.jsonl"
    links = event_chain.read_chain(file).links
    withdrawal_indices = [
        index
        for index, link in enumerate(links)
        if event_chain.REDACTION_FACET in link.event["run"]["facets"]
    ]
    excerpts = {}
    for id in runs:
        run_indices = [
            index for index, link in enumerate(links) if f'"id":"{id}"'.encode() in link.line
        ]
        if run_indices:
            excerpt = links[run_indices[0] : run_indices[-1] + 1]
            excerpt = (
                links[run_indices[0] : withdrawal_indices[-1] + 1]
                if any(link.digest_before_redaction for link in excerpt)
                else excerpt
            )
            excerpts[id] = b"".join(link.line + b"\n" for link in excerpt)
    return excerpts
