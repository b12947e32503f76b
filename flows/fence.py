"""A late run must not overwrite what a newer one made, whatever became of its lock meanwhile.

The lock keeps a second run out, as long as its file is there and the disk keeps locks (a network
disk may let go of them). So each run also writes its id down as the last that began, and whoever
publishes looks whether that is still its own. No clock takes part.
"""

from pathlib import Path

from flows import lock
from touchline.faults import BadInput
from touchline.products import whole_file


def begin(root: Path, id: str) -> None:
    """This run is the last one that began; call when locked."""
    with whole_file(_file(root)) as draft:
        draft.write_text(f"{id}\n")


def last(root: Path) -> str:
    """The run that began last here, "" if none did."""
    file = _file(root)
    return file.read_text().strip() if file.is_file() else ""


def check(root: Path, id: str, held: int) -> None:
    """Raise `BadInput` when another run has begun since, or when the lock is not ours any more."""
    remedy = "`touchline retrain` shows what is newest; this run's products stay in the cache"
    if (newer := last(root)) != id:
        raise BadInput(f"run {id}", f"is late: run {newer or '?'} has begun since", remedy)
    if not lock.same(root, held):
        wrong = "is late: the lock file was removed or replaced while it ran"
        raise BadInput(f"run {id}", wrong, remedy)


def _file(root: Path) -> Path:
    return root / ".touchline" / "attempt"
