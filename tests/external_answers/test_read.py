"""A faulty line of answers is named, with what is wrong and what to do."""

from pathlib import Path

import pytest

from touchline.errors import InputError
from touchline.external_answers.read import read_external_answers

GOOD = '{"question": "q1", "answer": "A. Goal"}'
BAD = {
    "not json": ("{", r"line 2: is not JSON .*; write \{"),
    "a list": ("[]", "line 2: is not an object"),
    "no id": ('{"answer": "x"}', "line 2: lacks the key 'question'"),
    "no answer": ('{"question": "q2"}', "line 2: lacks the key 'answer'"),
    "a number": ('{"question": "q2", "answer": 7}', "line 2: answer: is int, not text; put it in"),
    "unknown": ('{"question": "zz", "answer": ""}', "line 2: no question has the id 'zz'; take"),
    "of training": ('{"question": "t1", "answer": ""}', "line 2: question t1 is not among those"),
    "doubled": (GOOD, "line 2: question q1 was answered in line 1 already; keep one"),
    "misspelt": ('{"question": "q2", "answer": "", "anwser": ""}', "the unknown key 'anwser'"),
    "surrogate": ('{"question": "q2", "answer": "\\ud800"}', "half a surrogate pair"),
    "too long": ('{"question": "q2", "answer": "' + "9" * 20_001 + '"}', "keep at most 20000"),
    "deep": ("[" * 100_000, "line 2: is not JSON"),
    "digits": ('{"question": ' + "9" * 5000 + "}", "line 2: is not JSON"),
    "valid": ('{"question": "q2", "answer": "", "valid": 1}', "valid: is not true or false"),
    "windows": ('{"question": "q2", "answer": "", "windows": [1]}', "is not pairs of seconds"),
    "infinite": ('{"question": "q2", "answer": "", "windows": [1, Infinity]}', "is not pairs"),
    "beyond": (f'{{"question": "q2", "answer": "", "windows": [1, 1{"0" * 400}]}}', "is not pairs"),
    "ages": ('{"question": "q2", "answer": "", "windows": [1e308, 2]}', "is not pairs of seconds"),
    "before": ('{"question": "q2", "answer": "", "windows": [-1, 2]}', "is not pairs of seconds"),
    "frames": ('{"question": "q2", "answer": "", "frames": -1}', "frames: is not a whole number"),
}


def wrote(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", BAD)
def test_a_faulty_line_is_named_with_its_number_and_a_remedy(kind: str, tmp_path: Path):
    line, said = BAD[kind]
    with pytest.raises(InputError, match=said) as fault:
        read_external_answers(
            wrote(tmp_path / "p.jsonl", GOOD, line), {"q1", "q2"}, {"q1", "q2", "t1"}
        )
    assert len(str(fault.value)) < 500


@pytest.mark.parametrize("text", ["", "\n", " \n\n\t\n"])
def test_a_file_without_any_answer_is_refused(text: str, tmp_path: Path):
    (tmp_path / "p.jsonl").write_text(text)
    with pytest.raises(InputError, match="holds no answer; write"):
        read_external_answers(tmp_path / "p.jsonl", {"q1"})


def test_bytes_that_are_no_text_are_refused_by_line(tmp_path: Path):
    (tmp_path / "p.jsonl").write_bytes(GOOD.encode() + b"\n\xff\xfe\n")
    with pytest.raises(InputError, match="line 2: is not UTF-8; write the file in UTF-8"):
        read_external_answers(tmp_path / "p.jsonl", {"q1"})


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="is not a file"):
        read_external_answers(tmp_path / "p.jsonl", {"q1"})


def test_what_a_model_thought_is_no_part_of_its_answer(tmp_path: Path):
    thought = '{"question": "q1", "answer": "<think>\\nB. no\\n</think>\\n\\nA. Goal"}'
    (found,) = read_external_answers(wrote(tmp_path / "p.jsonl", thought), {"q1"}).values()
    assert found.answer == "A. Goal"
    assert found.text.startswith("<think>")


def test_an_answer_without_letters_is_invalid_unless_told_otherwise(tmp_path: Path):
    lines = (
        '{"question": "q1", "answer": " "}',
        '{"question": "q2", "answer": "", "valid": true, "windows": [1, 2.5], "frames": 8}',
    )
    found = read_external_answers(wrote(tmp_path / "p.jsonl", *lines), {"q1", "q2"})
    assert not found["q1"].valid
    assert found["q2"][1:] == (True, [1.0, 2.5], 8)
