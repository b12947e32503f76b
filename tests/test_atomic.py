"""Products are written whole, and one being written is left alone by others."""

import os
from pathlib import Path

from touchline.atomic import atomic_file


def test_a_file_whose_name_begins_alike_does_not_sweep_another_ones_draft(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.b") as longer, atomic_file(tmp_path / "a.1") as number:
        longer.write_text("longer")
        number.write_text("number")
        with atomic_file(tmp_path / "a") as short:
            short.write_text("short")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "a": "short",
        "a.1": "number",
        "a.b": "longer",
    }


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    for left in (".a.999999999.part", f".a.{os.getpid()}.part"):
        (tmp_path / left).write_text("half")
    with atomic_file(tmp_path / "a") as draft:
        draft.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
