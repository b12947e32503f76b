"""What is kept stays bounded, survives a damaged file, and takes two writers."""

import subprocess
import sys
from pathlib import Path

import pytest

from touchline.evaluation import answer_cache as room
from touchline.evaluation.answer_cache import AnswerCache, open_answer_cache


def test_the_oldest_go_when_the_file_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = AnswerCache(tmp_path / "a.sqlite", max_bytes=400_000)
    for day in range(40):
        monkeypatch.setattr(room, "_day_number", lambda day=day: day)
        store.put_answers({f"{day}-{i}": "x" * 1000 for i in range(20)})
        assert store.get_answers(["0-7"])  # used every day
    assert store._used_bytes() <= 400_000
    assert store.get_answers(["39-19"]) and not store.get_answers(["1-1"])


def test_a_damaged_file_is_set_aside(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"no database" * 1000)
    with open_answer_cache(path) as store:
        store.put_answers({"k": "v"})
        assert store.get_answers(["k"]) == {"k": "v"}
    assert path.with_suffix(".damaged").is_file()


def test_two_processes_write_at_the_same_time(tmp_path: Path):
    program = (
        "import sys; from pathlib import Path\n"
        "from touchline.evaluation.answer_cache import open_answer_cache\n"
        "with open_answer_cache(Path(sys.argv[1])) as store:\n"
        "    for i in range(100): store.put_answers({f'{sys.argv[2]}{i}': 'v'})"
    )
    path = tmp_path / "a.sqlite"
    going = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "ab"]
    assert [one.wait(60) for one in going] == [0, 0]
    with open_answer_cache(path) as store:
        assert len(store.get_answers([f"{name}{i}" for name in "ab" for i in range(100)])) == 200


def test_more_keys_than_one_query_takes(tmp_path: Path):
    rows = {f"k{i}": str(i) for i in range(2500)}
    with open_answer_cache(tmp_path / "a.sqlite") as store:
        store.put_answers(rows)
        assert store.get_answers([*rows, "unknown"]) == rows


def test_a_file_is_known_as_long_as_it_looks_the_same(tmp_path: Path):
    with open_answer_cache(tmp_path / "a.sqlite") as store:
        store.put_file_digest("/m", "10 20", "digest")
        assert store.get_file_digest("/m", "10 20") == "digest"
        assert store.get_file_digest("/m", "10 21") == ""
