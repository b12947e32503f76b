"""What a distillation by a served teacher came to: reasons, cost, and who taught and judged."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import words
from touchline.endpoint import Endpoint
from touchline.records import Verdict
from touchline.teacher.teacher import Distill


def numbers(verdicts: Sequence[Verdict]) -> dict[str, float]:
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
    return whole | named | _costs(verdicts)


def _costs(verdicts: Sequence[Verdict]) -> dict[str, float]:
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


def lineage(distill: Distill, dialogue: Dialogue) -> dict[str, Any]:
    """Who taught and who judged: hosts, models, sampling and digests of prompts; never a key."""
    if distill.teacher != "served":
        return {"teacher": distill.teacher}
    served = distill.served
    known: dict[str, Any] = {
        "teacher": distill.teacher,
        **_who(served.endpoint, [dialogue.prompt("instructions")]),
        "threshold": served.threshold,
        "look": served.look,
    }
    if served.judges:
        used = {"judge_answer": served.judge != "none", "judge_frames": served.look == "judge"}
        known["judge"] = _who(served.judging, [name for name, asked in used.items() if asked])
    return known


def _who(endpoint: Endpoint, prompts: Iterable[str]) -> dict[str, Any]:
    return {
        "host": endpoint.host,
        "model": endpoint.model,
        "sampling": endpoint.sampling,
        "calls": endpoint.calls,
        "prompts": {n: hashlib.sha256(words(n).encode()).hexdigest()[:16] for n in prompts},
    }
