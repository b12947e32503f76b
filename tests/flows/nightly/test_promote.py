"""Who becomes champion, with MLflow's real registry, and that no kill parts alias and evidence."""

import json

import mlflow
import pytest

from flows.nightly import decision_log, promote
from flows.nightly.session import NightRequest
from flows.runs.locks import hold_lock
from flows.runs.run_model import RunModel
from flows.tracking import mlflow_registry
from tests.flows.nightly.conftest import Nights
from touchline.errors import InputError
from touchline.evaluation.floors import FLOORS, count_training_answers
from touchline.records.question import Question


def champion(nights: Nights) -> str:
    found = mlflow_registry.find_champion_version(mlflow_registry.open_mlflow_client())
    return found[0].name if found else ""


def failed(going, model: RunModel) -> list[str]:
    rulings = going.night.candidates[model.name].rulings
    return [ruling["rule"] for ruling in rulings if not ruling["holds"]]


def test_the_first_good_model_a_better_one_but_no_equal_one_becomes_champion(nights: Nights):
    first = nights.train(0.5)
    going = nights.night()
    assert going.night.champion is None and champion(nights) == first.name
    equal = nights.train(0.5)
    going = nights.night()
    assert "better" in failed(going, equal) and champion(nights) == first.name
    better = nights.train(1.0)
    going = nights.night()
    assert going.night.candidates[better.name].promoted, going.night.candidates[better.name]
    assert failed(going, better) == [] and champion(nights) == better.name
    (verdict,) = going.night.candidates[better.name].verdicts[:1]
    assert verdict.startswith(f"{better.name}: better than the champion by 0.")
    assert "on 40 matches" in verdict
    worse = nights.train(0.6)
    going = nights.night()
    assert "worse than the champion" in going.night.candidates[worse.name].regression
    assert champion(nights) == better.name


def constant(floor: str):
    """Answers as a floor does, in the model's name."""

    def answer(question: Question) -> str:
        from tests.world import clip_of

        sport, number = question.match.rsplit("-", 1)
        return FLOORS[floor](
            question, clip_of(sport, number, 100.0), [], count_training_answers([], 12)
        )

    return answer


@pytest.mark.parametrize("floor", ["floor.constant", "floor.tiles"])
def test_a_model_that_answers_by_constant_or_by_tiling_is_refused(nights: Nights, floor: str):
    model = nights.train(0.0, answer=constant(floor))
    going = nights.night()
    assert "floors" in failed(going, model) and champion(nights) == ""


def test_a_model_that_answers_as_well_without_looking_is_refused(nights: Nights):
    model = nights.train(0.9, blind=0.9)
    going = nights.night()
    assert failed(going, model) == ["floors"] and champion(nights) == ""
    ruling = going.night.candidates[model.name].rulings[0]
    assert "against blank" in ruling["why"]


def test_terms_and_sight_come_from_the_model_and_ledgers_from_its_run(nights: Nights):
    model = nights.train(0.9, under="nda", sight="")
    going = nights.night()
    assert failed(going, model) == ["licence", "sight"]
    (ledger,) = [r for r in going.night.candidates[model.name].rulings if r["rule"] == "ledger"]
    assert "rows of 1 stages are accounted for" in ledger["why"]


def test_the_evidence_names_answers_numbers_rules_and_the_version_links_to_it(nights: Nights):
    model = nights.train(0.9)
    going = nights.night()
    client = mlflow_registry.open_mlflow_client()
    version = client.get_model_version_by_alias(mlflow_registry.NAME, mlflow_registry.ALIAS)
    file = promote.get_gate_folder(nights.root) / version.tags["evidence"]
    (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))
    assert (
        evidence.state == "done"
        and decision_log.digest_decision_record(evidence) == version.tags["evidence.sha256"]
    )
    written = json.loads(file.read_text())
    assert written["answers"] == {model.name: going.night.candidates[model.name].answers}
    assert written["benchmark"] == going.night.benchmark["digest"]
    assert written["case"]["floors"]["spotting"]["floor.tiles"] and written["gate"]["looks"] == 200
    assert version.tags["dvc.md5"] == model.md5 and written["version"] == str(version.version)


@pytest.mark.parametrize("moment", ["register_model_version", "move_champion_alias", "after"])
def test_a_kill_in_the_middle_leaves_alias_and_evidence_alike(
    nights: Nights, moment: str, monkeypatch: pytest.MonkeyPatch
):
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    model = nights.train(0.9)
    crown = mlflow_registry.move_champion_alias
    if moment == "after":
        monkeypatch.setattr(mlflow_registry, "move_champion_alias", lambda *a: (crown(*a), die()))
    else:
        monkeypatch.setattr(mlflow_registry, moment, die)
    with pytest.raises(Killed):
        nights.night()
    monkeypatch.undo()
    (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))
    assert evidence.state == "decided"
    mlflow.set_tracking_uri(f"sqlite:///{nights.root / '.touchline' / 'mlflow.db'}")
    promote.finish_decisions(nights.root, mlflow.MlflowClient())
    (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))
    assert evidence.state == "done" and champion(nights) == model.name
    assert len(mlflow.MlflowClient().search_model_versions(f"name='{mlflow_registry.NAME}'")) == 1


def test_a_decision_that_was_overtaken_is_given_up(nights: Nights):
    first = nights.train(0.9)
    nights.night()
    (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))
    other = first.model_dump() | {"md5": "0" * 32 + ".dir", "name": "other/rl"}
    late = evidence.model_copy(update={"id": "z", "state": "decided", "model": other})
    decision_log.write_decision_record(promote.get_gate_folder(nights.root), late)
    promote.finish_decisions(nights.root, mlflow.MlflowClient())
    states = [
        one.state
        for one in decision_log.list_decision_records(promote.get_gate_folder(nights.root))
    ]
    assert states == ["done", "abandoned"] and champion(nights) == first.name


def test_two_decisions_or_nights_at_once_are_impossible(nights: Nights):
    nights.train(0.9)
    with (
        hold_lock(nights.root, "decision"),
        pytest.raises(InputError, match="a decision is going on"),
    ):
        nights.night()
    assert champion(nights) == ""
    with hold_lock(nights.root, "night"), pytest.raises(InputError, match="a night is going on"):
        nights.night()


def test_the_same_comparison_again_is_no_new_look(nights: Nights):
    nights.train(0.6)
    nights.night()
    equal = nights.train(0.6)
    for _ in range(3):
        going = nights.night(NightRequest(runs=(equal.run,)))
        (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))[-1:]
        assert evidence.case["looks"] == 0
    another = nights.train(0.6)
    going = nights.night()
    (evidence,) = decision_log.list_decision_records(promote.get_gate_folder(nights.root))[-1:]
    assert evidence.case["looks"] == 1 and not going.night.candidates[another.name].promoted


def test_an_alias_that_names_no_weights_is_a_clear_fault(nights: Nights):
    nights.train(0.6)
    nights.night()
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias(mlflow_registry.NAME, mlflow_registry.ALIAS).version
    client.delete_model_version_tag(mlflow_registry.NAME, version, "dvc.md5")
    with pytest.raises(InputError, match="does not say which weights it is"):
        nights.night()


def test_lost_rows_of_a_ledger_are_found(nights: Nights):
    from flows.nightly.provenance import _check_ledger
    from touchline.ledger import RowLedger

    file = nights.root / "ledger.parquet"
    ledger = RowLedger(["a", "b"])
    ledger.keep("a")
    ledger.drop("b", "")
    said = ledger.close(file)
    assert _check_ledger(file, said)["wrong"] == "1 rows were dropped without a reason"
    assert "the stage says 3 rows" in _check_ledger(file, {**said, "rows": 3})["wrong"]
