"""A model's provenance for the promotion gate: the ledgers of its data, its data terms, and its
vision proof.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.nightly.session import NightSession
from flows.runs import record as runs
from flows.runs.record import RunRecord
from flows.runs.run_model import RunModel
from flows.store.dvc_cache import locate_cached_object, read_folder_listing
from touchline import licence
from touchline.errors import InputError
from touchline.ledger import LEDGER_SCHEMA, LEDGER_STATES

LEDGER = "ledger.parquet"
VISION_PROOF = "sight.json"


def collect_provenance(session: NightSession, model: RunModel) -> dict[str, Any]:
    """The fields `ledgers`, `terms` and `sight` of a promotion case."""
    folder = session.restore_model(model)
    run = runs.find_run(session.root, model.run)
    return {
        "ledgers": check_run_ledgers(session.cache, run),
        "terms": read_strictest_terms(folder),
        "sight": read_vision_proof(folder / VISION_PROOF),
    }


def read_strictest_terms(folder: Path) -> str:
    """The strictest terms (open, request or nda) of the data behind a model; empty if the model
    does not state them.
    """
    try:
        terms_by_source = licence.read_product_terms(folder)
    except (InputError, ValueError, KeyError):
        return ""
    return max(
        (source_terms for _, source_terms in terms_by_source.values()),
        key=licence.rank_terms,
        default="",
    )


def read_vision_proof(file: Path) -> Mapping[str, Any] | None:
    """The content of sight.json, the proof that the model uses its frames. None without the file,
    {'proved': False} if it cannot be parsed.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except ValueError:
        return {"proved": False}


def check_run_ledgers(cache: Path, run: RunRecord) -> dict[str, dict[str, Any]]:
    """{stage: {rows, wrong}} of every ledger among a run's products, read from the DVC cache.
    `wrong` is empty for a consistent ledger.
    """
    balances = {}
    for stage, done in run.stages.items():
        for file in done.products:
            description = f"{file.path} of run {run.id}"
            listed = (
                read_folder_listing(cache, file.md5, description)
                if file.md5.endswith(".dir")
                else {}
            )
            if LEDGER in listed:
                balances[stage] = _check_ledger(
                    locate_cached_object(cache, listed[LEDGER], description), done.metrics
                )
    return balances


def _check_ledger(ledger: Path, stage_metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Check a ledger for duplicate rows, unknown states, drops without a reason, and totals that
    differ from the stage's metrics.
    """
    table = pq.read_table(ledger)
    if table.schema.names != LEDGER_SCHEMA.names:
        return {"rows": table.num_rows, "wrong": "it is not a ledger"}
    rows, states, reasons = (table[name].to_pylist() for name in LEDGER_SCHEMA.names)
    totals = {state: states.count(state) for state in LEDGER_STATES}
    silent = sum(s == "dropped" and not why for s, why in zip(states, reasons, strict=True))
    faults = [
        f"{len(rows) - len(set(rows))} rows stand twice" if len(set(rows)) != len(rows) else "",
        f"{len(rows) - sum(totals.values())} rows have no known state"
        if sum(totals.values()) != len(rows)
        else "",
        f"{silent} rows were dropped without a reason" if silent else "",
        *[
            f"the stage says {stage_metrics[key]} {key}, its ledger {number}"
            for key, number in {"rows": len(rows), **totals}.items()
            if key in stage_metrics and stage_metrics[key] != number
        ],
    ]
    return {"rows": len(rows), "wrong": "; ".join(filter(None, faults))}
