"""Locate a model's weights on disk and compute their digest.

The digest covers only files that transformers and PEFT load; a log beside them changes no answer. A
file is hashed again only when its size, times or inode change.
"""

import fnmatch
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from touchline.errors import InputError
from touchline.evaluation.answer_cache import AnswerCache, open_answer_cache

LOADED_PATTERNS = (
    "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.gguf",
    "*config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "*.model", "chat_template*",
)  # fmt: skip
HUB_POINTER = "hub.json"  # stands in a base folder whose weights live on a hub
COMMIT_LENGTH = 40  # letters


def locate_model_folder(model: str, revision: str, run_models: Mapping[str, Path]) -> Path:
    """The folder of a model: one of the `run_models` by name, a folder, or a hub model, fetched if
    needed. Raises `InputError` if it is missing.
    """
    folder = run_models.get(model, Path(model))
    if folder.is_dir():
        pointer = folder / HUB_POINTER
        if not pointer.is_file():
            return folder
        target = json.loads(pointer.read_text())
        model, revision = target["model"], target["revision"]
        if Path(model).is_dir():
            return Path(model)
    elif model in run_models or model.count("/") != 1 or model.startswith((".", "/")):
        raise InputError(folder, "this model folder is missing", "name a folder or a hub's model")
    return fetch_hub_model(model, revision)


@lru_cache(maxsize=32)
def fetch_hub_model(model: str, revision: str) -> Path:
    """The local snapshot folder of a hub model; downloads what is missing. Raises `InputError`
    if it cannot be fetched.
    """
    from huggingface_hub import snapshot_download

    try:  # the border to the network
        return Path(
            snapshot_download(model, revision=revision or None, allow_patterns=[*LOADED_PATTERNS])
        )
    except (OSError, ValueError) as error:
        wrong = f"cannot be had from the hub ({type(error).__name__})"
        remedy = "check its name and revision, the network, HF_TOKEN, or name a folder"
        raise InputError(f"{model}@{revision or 'main'}", wrong, remedy) from None


def digest_model_folder(folder: Path) -> str:
    """sha256 hex digest over the names and contents of the files that are loaded. Raises
    `InputError` for a folder without any.
    """
    files = sorted(p for p in folder.iterdir() if p.is_file() and _is_loaded_file(p.name))
    if not files:
        raise InputError(folder, "holds no model", "rerun the stage that makes it")
    with open_answer_cache() as store:
        listing = "".join(f"{path.name} {_file_sha256(path, store)}\n" for path in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def _is_loaded_file(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in LOADED_PATTERNS)


def _file_sha256(path: Path, store: AnswerCache) -> str:
    """The sha256 of a file, hashed again only if it looks like another one."""
    status = path.stat()
    file_stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    known_digest = store.get_file_digest(str(path.resolve()), file_stamp)
    if known_digest:
        return known_digest
    with path.open("rb") as file:
        new_digest = hashlib.file_digest(file, "sha256").hexdigest()
    store.put_file_digest(str(path.resolve()), file_stamp, new_digest)
    return new_digest
