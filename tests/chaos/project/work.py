"""A pipeline small enough to be killed 200 times: `python work.py bring|teach|train`.

It stands on the rooms that must bear it: a download that resumes, a teacher that is paid once per
question, a training that resumes from checkpoints, products that are whole or absent.
"""

import asyncio
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from touchline.atomic import atomic_file, atomic_folder
from touchline.config import load_yaml_file
from touchline.progress import ProgressReporter
from touchline.state_dirs import ensure_checkpoint_folder, ensure_reply_folder

PARAMS = load_yaml_file(Path("params.yaml"))


def bring() -> dict[str, float]:
    """Fetch the film that $CHAOS_ORIGIN serves."""
    from touchline.sources.fetch import FileRequest, fetch_files

    size = PARAMS["bring"]["bytes"]
    with atomic_folder(Path("data/film")) as draft:
        fetch_files(
            [FileRequest("film.bin", (os.environ["CHAOS_ORIGIN"],), "", size, "")], draft, 1
        )
    return {"bytes": size}


def teach() -> dict[str, float]:
    """Ask the teacher at $CHAOS_TEACHER, which bills every answer."""
    from tests.endpoint.conftest import at
    from touchline.endpoint import EndpointClient, build_chat_request, run_concurrently

    film = hashlib.sha256(Path("data/film/film.bin").read_bytes()).hexdigest()
    endpoint = at(os.environ["CHAOS_TEACHER"], in_flight=3, tries=50, patience=120.0, timeout=30.0)
    asked = [
        build_chat_request(
            endpoint, f"q{n}", [{"role": "user", "content": f"say {n} of {film[:8]}"}]
        )
        for n in range(PARAMS["teach"]["questions"])
    ]

    async def ask() -> dict[str, str]:
        async with EndpointClient(endpoint, ensure_reply_folder("chaos")) as client:
            return {
                one.tag: r.text
                async for one, r in run_concurrently(asked, client.ask, client.max_conversations)
            }

    replies = asyncio.run(ask())
    with atomic_file(Path("data/lessons.json")) as draft:
        draft.write_text(json.dumps(replies, sort_keys=True))
    return {"answers": len(replies)}


def train() -> dict[str, float]:
    """A step hashes the state once more; each is kept, so that a kill costs one at most."""
    wanted = PARAMS["train"]
    state, done = Path("data/lessons.json").read_text(), 0
    kept = ensure_checkpoint_folder("train") / "state.json"
    if kept.is_file():
        state, done = json.loads(kept.read_text())
    with ProgressReporter("train", wanted["steps"]) as progress:
        progress.start_at(done)
        for step in range(done, wanted["steps"]):
            state = hashlib.sha256(state.encode()).hexdigest()
            time.sleep(wanted["seconds"])
            with atomic_file(kept) as draft:
                draft.write_text(json.dumps([state, step + 1]))
            with Path(os.environ["CHAOS_DIARY"]).open("a") as diary:
                diary.write(f"{step}\n")
            progress.advance_to(step + 1)
    with atomic_folder(Path("data/model")) as draft:
        (draft / "weights").write_text(state)
    return {"steps": wanted["steps"]}


if __name__ == "__main__":
    name = sys.argv[1]
    found = {"bring": bring, "teach": teach, "train": train}[name]()
    with atomic_file(Path(f"data/metrics/{name}.json")) as metrics:
        metrics.write_text(json.dumps(found))
