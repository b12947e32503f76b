"""`touchline verify` on the toy project: executed again, compared, and nothing left behind."""

import pytest

from flows.audit import rerun
from flows.runs import dvc_project, record, worktree
from tests.flows.conftest import Toy
from tests.flows.past_runs import past
from touchline.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def clean(toy: Toy) -> bool:
    return (
        worktree.list_leftover_worktrees(toy.root) == []
        and toy.git("worktree", "list").count("\n") == 0
    )


def verify(toy: Toy, monkeypatch: pytest.MonkeyPatch, stage: str | None) -> int:
    monkeypatch.chdir(toy.root)
    for name, value in toy.environment().items():
        monkeypatch.setenv(name, value)
    return rerun.verify_past_run("latest", stage, 1e-6, environment=False)


def test_a_stage_whose_inputs_were_collected_is_refused(
    made: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = past(made)
    (rows,) = [f for f in one.stages["make"].products if f.path == "data/rows"]
    cache = dvc_project.read_cache_dir(made.root)
    (cache / "files" / "md5" / rows.md5[:2] / rows.md5[2:]).unlink()
    with pytest.raises(InputError, match="data/rows is not in the cache any more; `dvc fetch` it"):
        verify(made, monkeypatch, "train")
    assert clean(made)


def test_a_run_comes_out_the_same_and_leaves_nothing(
    made: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    past(made)
    steps = made.steps_run()
    before = {path: path.stat().st_mtime_ns for path in (made.root / "data").rglob("*")}
    assert verify(made, monkeypatch, None) == 0
    said = capsys.readouterr().out
    assert said.count(": identical") == 6 and "3 of 3 stages" in said
    assert made.steps_run() == 2 * steps  # nothing was restored and no checkpoint taken up
    assert clean(made)
    assert before == {path: path.stat().st_mtime_ns for path in (made.root / "data").rglob("*")}


def test_a_product_that_comes_out_otherwise_is_named_with_its_first_difference(
    made: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = past(made)
    told = one.stages["make"].products
    rows = next(file for file in told if file.path == "data/rows")
    model = next(f for f in one.stages["train"].products if f.path == "data/model")
    rows.md5 = model.md5
    record.write_run_record(made.root, one)
    assert verify(made, monkeypatch, "make") == 1
    assert "data/rows: different: 0.txt is new" in capsys.readouterr().out
    assert clean(made)
