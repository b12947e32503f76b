"""Read a text file of a source whole, or say in one sentence why it cannot be read."""

from pathlib import Path

from touchline.faults import BadInput

LARGEST = 64 * 2**20  # bytes; the largest label file known to us has 4 MB


def read(file: Path) -> str:
    """The text, without a byte order mark; `BadInput` for no file, no UTF-8 or too many bytes."""
    if not file.is_file():
        raise BadInput(file, "is missing", "fetch it again or take its match out")
    not_too_large(file)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(file, f"is not UTF-8 ({error})", "fetch it again or mend it") from error


def not_too_large(file: Path) -> None:
    """A `BadInput` for a file that would fill the memory."""
    size = file.stat().st_size
    if size > LARGEST:
        wrong = (
            f"has {size / 2**20:.0f} MiB, more than the {LARGEST // 2**20} a label file may have"
        )
        raise BadInput(file, wrong, "check that this is the right file, or split it")
