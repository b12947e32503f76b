"""What was fetched and is a product by now needs no second place among the checkpoints."""

import os
import shutil
from pathlib import Path

from touchline.fetch import manifest
from touchline.fetch.part import Part, root


def settled(data: Path) -> list[Path]:
    """Let go of whole files that products below `data` hold, by their lists of what was fetched.

    A kill between the end of a fetch and the end of its run leaves them to a run that fetches
    nothing. What another setting has begun to fetch stays, as does all in TOUCHLINE_DOWNLOADS.
    """
    if os.environ.get("TOUCHLINE_DOWNLOADS") or not root().is_dir():
        return []
    rows = [row for file in data.rglob(manifest.NAME) for row in manifest.read(file).values()]
    held, gone = {row.sha256 for row in rows}, []
    for folder in sorted(root().iterdir()):
        if Part(folder).note.digests.get("sha256") in held:
            shutil.rmtree(folder)
            gone.append(folder)
    return gone
