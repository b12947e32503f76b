"""An SQLite file of any name, opened for reading alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

WAIT = 60.0  # seconds for another process to finish its transaction


def opened(file: Path, wait: float = WAIT) -> closing[sqlite3.Connection]:
    """Closed at the end of the block; a `#` or `?` in the name is no part of an address."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    return closing(sqlite3.connect(address, uri=True, timeout=wait))
