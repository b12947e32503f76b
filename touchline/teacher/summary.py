"""What a distillation by a served teacher came to: reasons, cost, and who taught and judged."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import read_prompt
from touchline.endpoint import Endpoint
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.teacher import DistillParams


def compute_teacher_metrics(verdicts: Sequence[TeacherVerdict]) -> dict[str, float]:
    """Metrics: rows by reason, calls, tokens, cost, and the cost of an accepted trajectory."""
    reasons = Counter(verdict.reason for verdict in verdicts if verdict.reason)
    whole = {
        "requests": sum(verdict.requests for verdict in verdicts),
        "tokens_in": sum(verdict.tokens_in for verdict in verdicts),
        "tokens_out": sum(verdict.tokens_out for verdict in verdicts),
        "cost": sum(verdict.cost for verdict in verdicts),
        "no_call": sum(not verdict.reason and not verdict.calls for verdict in verdicts),
    }
    named = {f"dropped.{reason}": float(count) for reason, count in sorted(reasons.items())}
    return whole | named | _compute_acceptance_costs(verdicts)


def _compute_acceptance_costs(verdicts: Sequence[TeacherVerdict]) -> dict[str, float]:
    """Cost per accepted trajectory: in all, by task, and by sport."""
    groups = {"": list(verdicts)}
    for verdict in verdicts:
        for name in (f".{verdict.task}", f".{verdict.sport}"):
            groups.setdefault(name, []).append(verdict)
    costs = dict[str, float]()
    for name, rows in sorted(groups.items()):
        good = sum(not row.reason for row in rows)
        costs[f"accepted{name}"] = good
        if good:
            costs[f"cost_per_accepted{name}"] = sum(row.cost for row in rows) / good
    return costs


def describe_teacher(distill: DistillParams, dialogue: Dialogue) -> dict[str, Any]:
    """Who taught and who judged: hosts, models, sampling and digests of prompts; never a key."""
    if distill.teacher != "served":
        return {"teacher": distill.teacher}
    served = distill.served
    known: dict[str, Any] = {
        "teacher": distill.teacher,
        **_describe_endpoint(served.endpoint, [dialogue.prompt("instructions")]),
        "threshold": served.threshold,
        "look": served.look,
    }
    if served.needs_judge:
        used = {"judge_answer": served.judge != "none", "judge_frames": served.look == "judge"}
        known["judge"] = _describe_endpoint(
            served.judging, [name for name, asked in used.items() if asked]
        )
    return known


def _describe_endpoint(endpoint: Endpoint, prompts: Iterable[str]) -> dict[str, Any]:
    return {
        "host": endpoint.host,
        "model": endpoint.model,
        "sampling": endpoint.sampling,
        "calls": endpoint.calls,
        "prompts": {n: hashlib.sha256(read_prompt(n).encode()).hexdigest()[:16] for n in prompts},
    }
