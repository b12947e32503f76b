"""Three toy stages: `python work.py make|train|judge`; `train` is slow and keeps checkpoints."""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from touchline.atomic import atomic_file, atomic_folder
from touchline.progress import ProgressReporter
from touchline.state_dirs import ensure_checkpoint_folder

PARAMS = YAML(typ="safe").load(Path("params.yaml"))


def make() -> None:
    with atomic_folder(Path("data/rows")) as draft:
        for number in range(PARAMS["make"]["rows"]):
            (draft / f"{number}.txt").write_text(f"row {number}\n")
    metrics("make", {"rows": PARAMS["make"]["rows"]})


def train() -> None:
    """One step hashes the state once more; each is kept, so that a kill costs one at most."""
    wanted, state = PARAMS["train"], "start"
    kept = ensure_checkpoint_folder("train") / "state.json"
    done = 0
    if kept.is_file():
        state, done = json.loads(kept.read_text())
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    child.start()
    with ProgressReporter("train", wanted["steps"]) as progress:
        progress.start_at(done)
        for step in range(done, wanted["steps"]):
            state = hashlib.sha256(f"{state} {wanted['lr']}".encode()).hexdigest()
            time.sleep(wanted["seconds"])
            with atomic_file(kept) as draft:
                draft.write_text(json.dumps([state, step + 1]))
            with Path(os.environ["TOY_DIARY"]).open("a") as diary:
                diary.write(f"{wanted['lr']} {step}\n")
            progress.advance_to(step + 1, f"loss {1 / (step + 1):.2f}")
    child.kill()
    if wanted["lr"] > 1:
        sys.exit("error: params.yaml: train.lr: 2.0 is above 1; give less")
    with atomic_folder(Path("data/model")) as draft:
        (draft / "weights").write_text(state)
    metrics("train", {"steps": wanted["steps"]})


def judge() -> None:
    weights = Path("data/model/weights").read_text()
    value = {"value": int(weights[:4], 16) / 65535, "low": 0.0, "high": 1.0, "n": 3}
    metrics("judge", {"candidates": {"toy": {"guess": {"accuracy": value}}}})
    with atomic_file(Path("data/report.html")) as draft:
        draft.write_text(f"<p>{weights}</p>")


def metrics(stage: str, numbers: dict[str, object]) -> None:
    with atomic_file(Path(f"data/metrics/{stage}.json")) as draft:
        draft.write_text(json.dumps(numbers))


if __name__ == "__main__":
    {"make": make, "train": train, "judge": judge}[sys.argv[1]]()
