"""An OpenAI-compatible chat server for the scripted teacher, or a model from a folder."""

import os
from pathlib import Path

from touchline.errors import InputError
from touchline.serving.server import ChatBackend, serve_chat_backend

SCRIPTED_BACKEND = "scripted"


def load_chat_backend(model: str, root: Path, batch: int) -> ChatBackend:
    """The backend for the server: `scripted` (the scripted teacher with the data below `root`), or
    a model's folder. Raises `InputError` if it is neither.
    """
    if model == SCRIPTED_BACKEND:
        from touchline.serving.scripted import ScriptedBackend

        return ScriptedBackend(root)
    if not Path(model).is_dir():
        raise InputError(
            model, "is not a folder", "name a model's folder, such as data/rl, or `scripted`"
        )
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from touchline.serving.model import load_served_model

    return load_served_model(Path(model), batch)


__all__ = ["SCRIPTED_BACKEND", "ChatBackend", "load_chat_backend", "serve_chat_backend"]
