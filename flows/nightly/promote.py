"""Put a challenger to the gate and move the champion's alias, with the evidence written first."""

from dataclasses import asdict
from pathlib import Path

import mlflow

from flows.nightly import compare, decision_log, provenance, score
from flows.nightly.compare import Gap
from flows.nightly.decide import Decision, decide
from flows.nightly.decision_log import Evidence
from flows.nightly.promotion_case import Case
from flows.nightly.record import Model
from flows.nightly.session import Going
from flows.runs import record as runs
from flows.runs.locks import locked
from flows.tracking import mlflow_registry
from touchline.errors import BadInput
from touchline.metrics.randomisation import least


def folder(root: Path) -> Path:
    return root / ".touchline" / "gate"


def judge(going: Going, name: str) -> bool:
    """Decide about one challenger and act on it; whether it is champion now.

    The champion is read under the lock: it may have changed since the night began.
    """
    client = mlflow_registry.client()
    with locked(going.root, "decision"):
        settle(going.root, client)
        found = mlflow_registry.champion(client)
        champion = found[0] if found else None
        one = going.night.candidates[name]
        if champion and champion.md5 == one.model.md5:
            return False  # it is champion already
        evidence = _evidence(going, one.model, champion)
        file = decision_log.write(folder(going.root), evidence)
        one.rulings, one.decision, one.evidence = evidence.rulings, evidence.sentence, file.name
        if evidence.state == "decided":
            _act(client, going.root, evidence)
            one.promoted, going.night.champion_after = True, one.model
        return one.promoted


def settle(root: Path, client: mlflow.MlflowClient) -> list[Evidence]:
    """Finish what a killed decision began, unless somebody else has moved the alias since."""
    left = [one for one in decision_log.every(folder(root)) if one.state == "decided"]
    for evidence in left:
        found = mlflow_registry.champion(client)
        now = found[0].md5 if found else ""
        if now in (evidence.champion.get("md5", ""), evidence.model["md5"]):
            _act(client, root, evidence)
        else:
            evidence.state = "abandoned"
            decision_log.write(folder(root), evidence)
    return left


def settled(root: Path) -> list[Evidence]:
    """`settle` under the lock: a night begins with it."""
    with locked(root, "decision"):
        return settle(root, mlflow_registry.client())


def _act(client: mlflow.MlflowClient, root: Path, evidence: Evidence) -> None:
    """Register, note the version, move the alias, say that it is done: each may be repeated."""
    evidence.version = mlflow_registry.register(client, Model(**evidence.model))
    file = decision_log.write(folder(root), evidence)
    mlflow_registry.crown(client, evidence.version, file.name, decision_log.seal(evidence))
    evidence.state = "done"
    decision_log.write(folder(root), evidence)


def _evidence(going: Going, model: Model, champion: Model | None) -> Evidence:
    benchmark = going.night.benchmark["digest"]
    answers = {model.name: going.night.candidates[model.name].answers}
    if champion:
        answers[champion.name] = _champions(going, champion)
    looked = decision_log.looked(benchmark, *[answers[m.name] for m in (model, champion) if m])
    case = _case(going, model, champion, decision_log.looks(folder(going.root), benchmark, looked))
    decision: Decision = decide(case, going.gate)
    return Evidence(
        id=f"{going.night.id}-{model.md5[:8]}",
        night=going.night.id,
        at=runs.now(),
        state="decided" if decision.promote else "refused",
        model=model.model_dump(),
        champion=champion.model_dump() if champion else {},
        benchmark=benchmark,
        answers=answers,
        looked=looked,
        gate=going.gate.model_dump(),
        case=asdict(case),
        rulings=[asdict(ruling) for ruling in decision.rulings],
        sentence=decision.sentence,
        commit=going.night.commit,
    )


def _champions(going: Going, champion: Model) -> str:
    """The digest of the champion's answers tonight."""
    known = going.night.candidates.get(champion.name)
    if known is None or not known.answers:
        why = known.error if known else "it was moved while the night went on"
        raise BadInput(
            champion.name, f"the champion was not evaluated ({why})", "run the night again"
        )
    return known.answers


def _case(going: Going, model: Model, champion: Model | None, looks: int) -> Case:
    ours, seed = going.lines[model.name], going.asked.evaluate["seed"]
    floors = {name: going.lines[name] for name in going.night.floors}
    own = going.night.candidates[model.name].floors
    floors |= {floor: going.lines[score.of(model.name, floor)] for floor in own}
    found = compare.gap(ours, going.lines[champion.name], seed) if champion else None
    return Case(
        name=model.name,
        champion=champion.name if champion else "",
        matches={"": ours.count(), **{task: ours.count(task) for task in sorted(set(ours.tasks))}},
        floors=compare.above(ours, floors, seed),
        least=least(ours.count()),
        looks=looks,
        **_against(found),
        **provenance.facts(going, model),
    )


def _against(found: Gap | None) -> dict:
    return {"overall": found.overall, "p": found.p, "sports": found.sports} if found else {}
