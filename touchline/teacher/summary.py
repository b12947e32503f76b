"""Summarise a distillation: metrics of the verdicts, and which teacher and judge were used."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import read_prompt
from touchline.endpoint import EndpointParams
from touchline.records.verdict import TeacherVerdict
from touchline.teacher.ask_teacher import read_judge_prompt
from touchline.teacher.teacher import DistillParams


def compute_teacher_metrics(verdicts: Sequence[TeacherVerdict]) -> dict[str, float]:
    """Metrics of the served teacher: rejected rows by reason, requests, tokens, cost, and cost per
    accepted trajectory.
    """
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
    """Teacher and judge for teacher.json: hosts, models, sampling settings and prompt digests,
    without keys.
    """
    if distill.teacher != "served":
        return {"teacher": distill.teacher}
    served, instructions = distill.served, dialogue.prompt_name("instructions")
    record: dict[str, Any] = {
        "teacher": distill.teacher,
        **_describe_endpoint(served.endpoint, {instructions: read_prompt(instructions)}),
        "threshold": served.threshold,
        "look": served.look,
    }
    if served.needs_judge:
        used_prompts = {
            "judge_answer": served.judge != "none",
            "judge_frames": served.look == "judge",
        }
        record["judge"] = _describe_endpoint(
            served.judging,
            {name: read_judge_prompt(name) for name, is_used in used_prompts.items() if is_used},
        )
    return record


def _describe_endpoint(endpoint: EndpointParams, prompts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "host": endpoint.host,
        "model": endpoint.model,
        "sampling": endpoint.sampling,
        "calls": endpoint.calls,
        "prompts": {
            name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in prompts.items()
        },
    }
