"""Run the promotion gate on a challenger and move the champion alias in MLflow. The evidence is
written to disk first.
"""

from dataclasses import asdict
from pathlib import Path

import mlflow

from flows.nightly import compare, decision_log, provenance, score
from flows.nightly.compare import ScoreGap
from flows.nightly.decide import PromotionDecision, decide_promotion
from flows.nightly.decision_log import DecisionRecord
from flows.nightly.promotion_case import PromotionCase
from flows.nightly.session import NightSession
from flows.runs import record as runs
from flows.runs.locks import hold_lock
from flows.runs.run_model import RunModel
from flows.tracking import mlflow_registry
from touchline.errors import InputError
from touchline.metrics.randomisation import compute_smallest_p_value


def get_gate_folder(root: Path) -> Path:
    """Folder of the gate's evidence files."""
    return root / ".touchline" / "gate"


def judge_challenger(session: NightSession, name: str) -> bool:
    """Decide about one challenger and, if promoted, move the champion alias. Returns whether it was
    promoted.

    The champion is read while holding the decision lock, since it may have changed since the night
    began.
    """
    client = mlflow_registry.open_mlflow_client()
    with hold_lock(session.root, "decision"):
        finish_decisions(session.root, client)
        current = mlflow_registry.find_champion_version(client)
        champion = current[0] if current else None
        candidate = session.night.candidates[name]
        if champion and champion.md5 == candidate.model.md5:
            return False  # it is champion already
        evidence = _build_evidence(session, candidate.model, champion)
        file = decision_log.write_decision_record(get_gate_folder(session.root), evidence)
        candidate.rulings, candidate.decision, candidate.evidence = (
            evidence.rulings,
            evidence.sentence,
            file.name,
        )
        if evidence.state == "decided":
            _promote(client, session.root, evidence)
            candidate.promoted, session.night.champion_after = True, candidate.model
        return candidate.promoted


def finish_decisions(root: Path, client: mlflow.MlflowClient) -> list[DecisionRecord]:
    """Finish decisions that were interrupted before the alias was moved, or mark them abandoned if
    the champion has changed otherwise. Call while holding the lock.
    """
    unfinished = [
        entry
        for entry in decision_log.list_decision_records(get_gate_folder(root))
        if entry.state == "decided"
    ]
    for evidence in unfinished:
        current = mlflow_registry.find_champion_version(client)
        now = current[0].md5 if current else ""
        if now in (evidence.champion.get("md5", ""), evidence.model["md5"]):
            _promote(client, root, evidence)
        else:
            evidence.state = "abandoned"
            decision_log.write_decision_record(get_gate_folder(root), evidence)
    return unfinished


def finish_decisions_locked(root: Path) -> list[DecisionRecord]:
    """`finish_decisions` with the decision lock held; a night starts with it."""
    with hold_lock(root, "decision"):
        return finish_decisions(root, mlflow_registry.open_mlflow_client())


def _promote(client: mlflow.MlflowClient, root: Path, evidence: DecisionRecord) -> None:
    """Register the model, note its version, move the alias and mark the decision done. Each step
    may be repeated.
    """
    evidence.version = mlflow_registry.register_model_version(client, RunModel(**evidence.model))
    file = decision_log.write_decision_record(get_gate_folder(root), evidence)
    mlflow_registry.move_champion_alias(
        client, evidence.version, file.name, decision_log.digest_decision_record(evidence)
    )
    evidence.state = "done"
    decision_log.write_decision_record(get_gate_folder(root), evidence)


def _build_evidence(
    session: NightSession, model: RunModel, champion: RunModel | None
) -> DecisionRecord:
    benchmark = session.night.benchmark["digest"]
    answers = {model.name: session.night.candidates[model.name].answers}
    if champion:
        answers[champion.name] = _champion_answers(session, champion)
    comparison_id = decision_log.digest_comparison(
        benchmark, *[answers[m.name] for m in (model, champion) if m]
    )
    case = _build_case(
        session,
        model,
        champion,
        decision_log.count_comparisons(get_gate_folder(session.root), benchmark, comparison_id),
    )
    decision: PromotionDecision = decide_promotion(case, session.gate)
    return DecisionRecord(
        id=f"{session.night.id}-{model.md5[:8]}",
        night=session.night.id,
        at=runs.get_utc_timestamp(),
        state="decided" if decision.promote else "refused",
        model=model.model_dump(),
        champion=champion.model_dump() if champion else {},
        benchmark=benchmark,
        answers=answers,
        looked=comparison_id,
        gate=session.gate.model_dump(),
        case=asdict(case),
        rulings=[asdict(ruling) for ruling in decision.rulings],
        sentence=decision.sentence,
        commit=session.night.commit,
    )


def _champion_answers(session: NightSession, champion: RunModel) -> str:
    """The digest of the champion's answers tonight."""
    candidate = session.night.candidates.get(champion.name)
    if candidate is None or not candidate.answers:
        why = candidate.error if candidate else "it was moved while the night went on"
        raise InputError(
            champion.name, f"the champion was not evaluated ({why})", "run the night again"
        )
    return candidate.answers


def _build_case(
    session: NightSession, model: RunModel, champion: RunModel | None, looks: int
) -> PromotionCase:
    ours, seed = session.headlines[model.name], session.pinned_benchmark.evaluate["seed"]
    floors = {name: session.headlines[name] for name in session.night.floors}
    model_floors = session.night.candidates[model.name].floors
    floors |= {
        floor: session.headlines[score.name_floor_line(model.name, floor)] for floor in model_floors
    }
    gap = (
        compare.measure_score_gap(ours, session.headlines[champion.name], seed)
        if champion
        else None
    )
    return PromotionCase(
        name=model.name,
        champion=champion.name if champion else "",
        matches={
            "": ours.count_matches(),
            **{task: ours.count_matches(task) for task in sorted(set(ours.tasks))},
        },
        floors=compare.measure_floor_gaps(ours, floors, seed),
        least=compute_smallest_p_value(ours.count_matches()),
        looks=looks,
        **_gap_fields(gap),
        **provenance.collect_provenance(session, model),
    )


def _gap_fields(gap: ScoreGap | None) -> dict:
    return {"overall": gap.overall, "p": gap.p, "sports": gap.sports} if gap else {}
