"""An OpenAI-compatible server of our own: for the scripted teacher, or any model in a folder."""

import os
from pathlib import Path

from touchline.errors import InputError
from touchline.serving.server import Mind, serve

SCRIPTED = "scripted"


def mind(what: str, root: Path, batch: int) -> Mind:
    """Who answers: the scripted teacher over the data below `root`, or the model of a folder."""
    if what == SCRIPTED:
        from touchline.serving.scripted import Truth

        return Truth(root)
    if not Path(what).is_dir():
        raise InputError(
            what, "is no folder", "name a model's folder, such as data/rl, or `scripted`"
        )
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from touchline.serving.model import opened

    return opened(Path(what), batch)


__all__ = ["SCRIPTED", "Mind", "mind", "serve"]
