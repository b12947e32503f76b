"""Where a model's weights lie on this disk, and by which digest they are known.

The digest is over the files that transformers and PEFT load, not over what else lies beside them:
a log or a report changes no answer. Hashing is done once per file, as long as its size, times and
inode stay the same.
"""

import fnmatch
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from touchline.errors import BadInput
from touchline.evaluation.answer_cache import Keep, keep

LOADED = (
    "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.gguf",
    "*config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "*.model", "chat_template*",
)  # fmt: skip
POINTER = "hub.json"  # stands in a base folder whose weights live on a hub
COMMIT = 40  # letters


def local(model: str, revision: str, own: Mapping[str, Path]) -> Path:
    """The folder of a model: one of the run's `own`, a folder, or a hub's, fetched if need be."""
    folder = own.get(model, Path(model))
    if folder.is_dir():
        pointer = folder / POINTER
        if not pointer.is_file():
            return folder
        found = json.loads(pointer.read_text())
        model, revision = found["model"], found["revision"]
        if Path(model).is_dir():
            return Path(model)
    elif model in own or model.count("/") != 1 or model.startswith((".", "/")):
        raise BadInput(folder, "this model folder is missing", "name a folder or a hub's model")
    return fetched(model, revision)


@lru_cache(maxsize=32)
def fetched(model: str, revision: str) -> Path:
    """The snapshot of a hub's model; what is here already is not fetched again."""
    from huggingface_hub import snapshot_download

    try:  # the border to the network
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=[*LOADED]))
    except (OSError, ValueError) as error:
        wrong = f"cannot be had from the hub ({type(error).__name__})"
        remedy = "check its name and revision, the network, HF_TOKEN, or name a folder"
        raise BadInput(f"{model}@{revision or 'main'}", wrong, remedy) from None


def digest(folder: Path) -> str:
    """sha256 over the names and bytes of the files that are loaded."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and _loaded(p.name))
    if not files:
        raise BadInput(folder, "holds no model", "rerun the stage that makes it")
    with keep() as store:
        told = "".join(f"{path.name} {_file(path, store)}\n" for path in files)
    return hashlib.sha256(told.encode()).hexdigest()


def _loaded(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in LOADED)


def _file(path: Path, store: Keep) -> str:
    """The sha256 of a file, hashed again only if it looks like another one."""
    found = path.stat()
    looks = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
    known = store.digest(str(path.resolve()), looks)
    if known:
        return known
    with path.open("rb") as file:
        fresh = hashlib.file_digest(file, "sha256").hexdigest()
    store.remember(str(path.resolve()), looks, fresh)
    return fresh
