"""A made-up run of three stages with tables, ledgers, scores and events, in no project at all."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.audit.facts import AuditCase
from flows.runs.record import RunRecord, StageRecord, TrackedFile
from flows.tracking import event_chain
from tests.flows.tracking.test_event_chain import event
from touchline.ledger import RowLedger

SCORE = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 40}
PROMPT = b"Where are the goals? Answer in 2 lines.\n"


def record() -> RunRecord:
    """Videos to clips to a model to scores."""
    prompt = TrackedFile(
        path="words/ask.txt", md5="9ad0fbd44c8d3f1e2a6b7c8d9e0f1a2b", size=len(PROMPT)
    )
    clips = TrackedFile(path="data/clips", md5="ab" * 16 + ".dir", size=900, terms="open")
    model = TrackedFile(path="data/rl", md5="cd" * 16 + ".dir", size=5000)
    cut = StageRecord(state="Ran", seconds=61.5, cpu_seconds=50.25, peak_mib=300, products=[clips])
    train = StageRecord(state="Ran", cpu_seconds=100, needs=["cut"], inputs=[prompt, clips])
    train.products, train.params = [model], {"train": {"seed": 7}}
    judge = StageRecord(state="Unchanged", needs=["cut", "train"], inputs=[model])
    judge.metrics = {"candidates": {"rl": {"spotting": {"f1": SCORE}}}, "cost": 0.25}
    return RunRecord(
        id="20260101-100000-aaaa",
        state="completed",
        started="2026-01-01T10:00:00+00:00",
        ended="2026-01-01T10:02:05+00:00",
        command=["touchline", "retrain", "--set", "train.lr=1e-3"],
        overrides={"train.lr": 0.001},
        commit="c0ffee" * 6 + "abcd",
        patch="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1 < 2 & 3\n+4\n",
        difference="d" * 64,
        params={"train": {"seed": 7}},
        stages={"cut": cut, "train": train, "judge": judge},
        versions={"python": "3.11.2", "torch": "2.13.0"},
        hardware={"machine": "x86_64", "cores": 2, "gpus": ["GPU 80 GiB"]},
    )


def case(folder: Path, terms: str = "open") -> AuditCase:
    """The case of that run, with its tables below `folder`."""
    import hashlib

    place = folder / "products" / "data" / "clips"
    place.mkdir(parents=True)
    table = pa.table({"id": ["a", "b"], "times": [[0.5], [1.0, 2.0]], "end": [1.0, 2.0]})
    pq.write_table(table, place / "clips.parquet")
    sources = {"ours": {"licence": "CC0", "terms": terms}}
    (place / "terms.json").write_text(json.dumps({"terms": terms, "sources": sources}))
    ledger = RowLedger(["a", "b", "c"])
    ledger.keep("a")
    ledger.keep("b")
    ledger.drop("c", "zyzzyva: 3 frames are damaged")
    ledger.close(place / "ledger.parquet")
    one = record()
    one.stages["cut"].products[0].terms = terms
    one.stages["train"].inputs[0].md5 = hashlib.md5(PROMPT).hexdigest()
    event_chain.append_to_chain(folder / "events.jsonl", [event(1), event(2), event(3)])
    return AuditCase(
        run=json.loads(one.model_dump_json()),
        subject={"kind": "metric", "name": "rl.spotting.f1", **SCORE},
        products=folder / "products",
        texts={"words/ask.txt": PROMPT},
        files={"params.yaml": b"train:\n  seed: 7\n", "requirements.lock": b"torch==2.13.0\n"},
        events={one.id: (folder / "events.jsonl").read_bytes()},
        origins={"cut": one.id, "judge": "20251231-090000-bbbb"},
        about={"cut": "Cuts videos"},
        models={"data/rl": "cd" * 16 + ".dir"},
        approaches={"data/rl": "reinforcement-learning"},
        watts=10.0,
        digests={"data/clips": {"clips.parquet": "ef" * 16}},
        missing=["data/frames"],
    )
