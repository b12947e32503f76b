"""Where checkpoints and endpoint replies are stored, shared by all worktrees of a checkout.

Each distinct set of training inputs has its own checkpoint folder, named by DVC's run-cache key of
the stage (command, dependencies, parameters). A fixed folder would resume a run with changed inputs
from a model trained on the old ones.
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
    """Return the checkpoint folder of this training, creating it if necessary.

    Within a DVC stage the same inputs give the same folder, so an interrupted training resumes.
    Outside DVC the key is taken from `TOUCHLINE_CHECKPOINT_KEY`; without it the folder is new and
    nothing is resumed.
    """
    key, input_digests = os.environ.get("TOUCHLINE_CHECKPOINT_KEY"), dict[str, str]()
    if not key:
        key, input_digests = compute_stage_key()
    parent = get_checkpoint_root() / name
    parent.mkdir(parents=True, exist_ok=True)
    if not key:
        return Path(tempfile.mkdtemp(prefix="by-hand-", dir=parent))
    folder = parent / key
    folder.mkdir(exist_ok=True)
    if input_digests:
        with atomic_file(folder / INPUTS_FILE) as draft:
            draft.write_text(json.dumps(input_digests, indent=1))
    os.utime(folder)
    return folder


def read_training_inputs(folder: Path) -> dict[str, str]:
    """{path: DVC digest} of the inputs of the training behind a checkpoint folder; {}
    if unknown.
    """
    file = folder / INPUTS_FILE
    return json.loads(file.read_text()) if file.is_file() else {}


def get_checkpoint_root() -> Path:
    """`$TOUCHLINE_CHECKPOINTS`, or `.touchline/checkpoints` in the main checkout (the one that owns
    .git).
    """
    configured = os.environ.get("TOUCHLINE_CHECKPOINTS")
    return Path(configured) if configured else _find_main_checkout() / ".touchline" / "checkpoints"


def ensure_reply_folder(name: str) -> Path:
    """Folder `name` of stored endpoint replies, created if necessary, under `$TOUCHLINE_REPLIES` or
    `.touchline/replies`.

    Replies are keyed by the request itself and never deleted, because they were paid for.
    """
    configured = os.environ.get("TOUCHLINE_REPLIES")
    folder = (
        Path(configured) if configured else _find_main_checkout() / ".touchline" / "replies"
    ) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def compute_stage_key() -> tuple[str | None, dict[str, str]]:
    """(run-cache key, {dependency path: md5}) of the DVC stage running this process; (None, {})
    outside DVC.

    Uses private names of DVC, so pyproject.toml pins its minor release.
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
        input_digests = {
            dependency["path"]: dependency["md5"]
            for dependency in entry.get("deps", [])
            if "md5" in dependency
        }
        return compute_lock_entry_key(entry), input_digests


def compute_lock_entry_key(entry: dict[str, Any]) -> str:
    """The run-cache key of a stage's dvc.lock entry, shortened to KEY_LENGTH; the same before and
    after the stage ran.
    """
    from dvc.stage.cache import _get_cache_hash

    return _get_cache_hash(dict(entry), key=True)[:KEY_LENGTH]


def remove_old_checkpoints(
    since: float, root: Path | None = None, done: Collection[str] = ()
) -> list[Path]:
    """Delete checkpoint folders that are no longer needed and return them.

    Deleted are folders used since `since` (epoch seconds), folders unused for STALE_SECONDS, and
    folders whose key is in `done` (their model is committed). Only a flow calls this, after the
    model is committed: a stage killed before DVC's commit would lose the training.
    """
    removed = []
    for folder in sorted((root or get_checkpoint_root()).glob("*/*")):
        used_at = folder.stat().st_mtime
        if folder.name in done or used_at >= since or used_at < time.time() - STALE_SECONDS:
            shutil.rmtree(folder)
            removed.append(folder)
    return removed


def _find_main_checkout() -> Path:
    command = ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Path.cwd()
    return Path(result.stdout.strip()).parent
