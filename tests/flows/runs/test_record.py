"""Records of runs: one that is damaged, or that leads out of the project, is a sentence."""

from pathlib import Path

import pytest

from flows import cli
from flows.runs import record
from tests.flows.nightly import project
from touchline.errors import InputError

RUN = "20261101-000000-aaaaaa"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    record._warn_once.cache_clear()  # a sentence is said once per process
    root = project.plant(tmp_path / "toy")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a").write_text("x")
    project.run(root, RUN, {"clips": tmp_path / "clips"})
    return root


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"started"', '"begun"'),
        (f'"{RUN}"', '"../../../elsewhere"'),
        ('"data/clips"', '"../../clips"'),
        ('"data/clips"', '"/clips"'),
        ('"chunk": {\n      "state"', '"../chunk": {\n      "state"'),
    ],
)
def test_a_record_that_is_none_or_leads_out_of_the_project_is_passed_over(
    root: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = record.get_runs_folder(root) / f"{RUN}.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert record.list_runs(root) == []
    assert (
        f"{RUN}.json: is not a record of a run that this Touchline knows" in capsys.readouterr().err
    )


def test_a_ref_with_a_record_that_is_none_is_a_sentence() -> None:
    with pytest.raises(InputError, match=rf"refs/runs/{RUN}: its record is none \(1 faults\)"):
        record.parse_run_record("{", RUN)


def test_ctrl_c_ends_a_command_with_its_status_and_no_traceback(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(root)
    monkeypatch.setattr(record, "list_runs", stopped)
    with pytest.raises(SystemExit) as ended:
        cli.main(["runs"])
    assert ended.value.code == 130 and capsys.readouterr().err == "stopped\n"
