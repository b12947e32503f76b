"""Where raw data lies: folders in the settings of sources are below one folder.

It is `$TOUCHLINE_RAW`, or else `data/raw` in the user's checkout (`$TOUCHLINE_ROOT`, or else the
working folder). An absolute path in a setting stands for itself.
"""

import os
from pathlib import Path

RAW_VARIABLE, ROOT_VARIABLE = "TOUCHLINE_RAW", "TOUCHLINE_ROOT"
DEFAULT_FOLDER = "data/raw"


def resolve_raw_path(setting: str, root: Path | None = None) -> Path:
    """Return the path that a source's setting means. `root` is the user's checkout, if it is not
    that of the environment.
    """
    checkout = root or Path(os.environ.get(ROOT_VARIABLE, "."))
    return checkout / (os.environ.get(RAW_VARIABLE) or DEFAULT_FOLDER) / setting


def describe_missing_folder(key: str) -> str:
    """The remedy for a missing folder; `key` is the setting that names it."""
    return (
        f"put the data there, set {RAW_VARIABLE} to the folder that holds it, or set {key} to "
        "an absolute path"
    )
