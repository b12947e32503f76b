"""Where a model comes from, as the gate asks: ledgers of its data, terms, proof of sight."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.nightly.record import Model
from flows.nightly.session import Going
from flows.runs import record as runs
from flows.runs.record import Record
from flows.store.dvc_cache import names, stored
from touchline import licence
from touchline.errors import BadInput
from touchline.ledger import SCHEMA, STATES

LEDGER = "ledger.parquet"
SIGHT = "sight.json"


def facts(going: Going, model: Model) -> dict[str, Any]:
    """`ledgers`, `terms` and `sight` of a gate's case."""
    folder = going.restored(model)
    run = runs.find(going.root, model.run)
    return {
        "ledgers": ledgers(going.cache, run),
        "terms": strictest(folder),
        "sight": proof(folder / SIGHT),
    }


def strictest(folder: Path) -> str:
    """The strictest terms of the data behind a model; "" where it does not say."""
    try:
        held = licence.known(folder)
    except (BadInput, ValueError, KeyError):
        return ""
    return max((said for _, said in held.values()), key=licence.rank, default="")


def proof(file: Path) -> Mapping[str, Any] | None:
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except ValueError:
        return {"proved": False}


def ledgers(cache: Path, run: Record) -> dict[str, dict[str, Any]]:
    """{STAGE: {rows, wrong}} of every ledger among a run's products, read from the cache."""
    found = {}
    for stage, done in run.stages.items():
        for file in done.products:
            whose = f"{file.path} of run {run.id}"
            listed = names(cache, file.md5, whose) if file.md5.endswith(".dir") else {}
            if LEDGER in listed:
                found[stage] = _balance(stored(cache, listed[LEDGER], whose), done.metrics)
    return found


def _balance(ledger: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with a ledger: unknown states, silent drops, other totals than the stage's."""
    table = pq.read_table(ledger)
    if table.schema.names != SCHEMA.names:
        return {"rows": table.num_rows, "wrong": "it is no ledger"}
    rows, states, reasons = (table[name].to_pylist() for name in SCHEMA.names)
    totals = {state: states.count(state) for state in STATES}
    silent = sum(s == "dropped" and not why for s, why in zip(states, reasons, strict=True))
    faults = [
        f"{len(rows) - len(set(rows))} rows stand twice" if len(set(rows)) != len(rows) else "",
        f"{len(rows) - sum(totals.values())} rows have no known state"
        if sum(totals.values()) != len(rows)
        else "",
        f"{silent} rows were dropped without a reason" if silent else "",
        *[
            f"the stage says {said[key]} {key}, its ledger {number}"
            for key, number in {"rows": len(rows), **totals}.items()
            if key in said and said[key] != number
        ],
    ]
    return {"rows": len(rows), "wrong": "; ".join(filter(None, faults))}
