"""Where a training keeps its checkpoints: a folder of its own for every distinct set of inputs.

A fixed folder would resume a run with changed inputs from a model that the old inputs trained
(measured: a model labelled with the new learning rate, trained with the old one). So the folder's
name is DVC's own run-cache key of the stage: command, dependencies and parameters.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from touchline.atomic import atomic_file

KEY_LENGTH = 16
INPUTS_FILE = "inputs.json"  # in a checkpoint's folder: the digests of what the training is fed
STALE_SECONDS = 14 * 24 * 3600.0  # seconds after which an abandoned attempt may go


def ensure_checkpoint_folder(name: str) -> Path:
    """The checkpoint folder of this training, shared by all worktrees; made if need be.

    Within a DVC stage the same inputs get the same folder, so an interrupted training resumes.
    `TOUCHLINE_CHECKPOINT_KEY` gives the key where DVC is absent. With neither, nobody knows the
    inputs, and the folder is a fresh one: nothing is resumed.
    """
    key, fed = os.environ.get("TOUCHLINE_CHECKPOINT_KEY"), dict[str, str]()
    if not key:
        key, fed = compute_stage_key()
    above = get_checkpoint_root() / name
    above.mkdir(parents=True, exist_ok=True)
    if not key:
        return Path(tempfile.mkdtemp(prefix="by-hand-", dir=above))
    folder = above / key
    folder.mkdir(exist_ok=True)
    if fed:
        with atomic_file(folder / INPUTS_FILE) as draft:
            draft.write_text(json.dumps(fed, indent=1))
    os.utime(folder)
    return folder


def read_training_inputs(folder: Path) -> dict[str, str]:
    """Path -> DVC's digest of what the training of a checkpoint folder is fed; {}: not known."""
    file = folder / INPUTS_FILE
    return json.loads(file.read_text()) if file.is_file() else {}


def get_checkpoint_root() -> Path:
    """`$TOUCHLINE_CHECKPOINTS`, else `.touchline/checkpoints` of the checkout that owns .git."""
    given = os.environ.get("TOUCHLINE_CHECKPOINTS")
    return Path(given) if given else _find_main_checkout() / ".touchline" / "checkpoints"


def ensure_reply_folder(name: str) -> Path:
    """Where replies of an endpoint are kept, shared by all worktrees and runs; made if need be.

    Not keyed by a stage's inputs as checkpoints are, and never removed: a reply was paid for, and
    is known by what was asked and how. `$TOUCHLINE_REPLIES` or `.touchline/replies`.
    """
    given = os.environ.get("TOUCHLINE_REPLIES")
    folder = (Path(given) if given else _find_main_checkout() / ".touchline" / "replies") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def compute_stage_key() -> tuple[str | None, dict[str, str]]:
    """The run-cache key of the DVC stage that runs this process, and the digests of its inputs.

    None and {} outside DVC.

    Uses private names of DVC, which is why pyproject.toml allows one minor release only.
    """
    root, address = os.environ.get("DVC_ROOT"), os.environ.get("DVC_STAGE")
    if not root or not address:
        return None, {}
    from dvc.repo import Repo
    from dvc.stage.serialize import to_single_stage_lockfile

    with Repo(root) as repo:
        stage = repo.stage.get_target(address)
        stage.save_deps()
        entry = to_single_stage_lockfile(stage)
        fed = {one["path"]: one["md5"] for one in entry.get("deps", []) if "md5" in one}
        return compute_lock_entry_key(entry), fed


def compute_lock_entry_key(entry: dict[str, Any]) -> str:
    """The key of a stage as dvc.lock holds it, the same before and after it was executed."""
    from dvc.stage.cache import _get_cache_hash

    return _get_cache_hash(dict(entry), key=True)[:KEY_LENGTH]


def remove_old_checkpoints(
    since: float, root: Path | None = None, done: Collection[str] = ()
) -> list[Path]:
    """Remove the folders used since `since` (epoch seconds) and those that nobody came back to.

    And those with a key of `done`, whose products are there, whoever made them: a run that was
    killed behind their stage may have. The flow calls this once the trained model is committed; a
    stage never does, because a kill between its end and DVC's commit would cost the whole training.
    """
    gone = []
    for folder in sorted((root or get_checkpoint_root()).glob("*/*")):
        used = folder.stat().st_mtime
        if folder.name in done or used >= since or used < time.time() - STALE_SECONDS:
            shutil.rmtree(folder)
            gone.append(folder)
    return gone


def _find_main_checkout() -> Path:
    ask = ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"]
    try:
        found = subprocess.run(ask, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Path.cwd()
    return Path(found.stdout.strip()).parent
