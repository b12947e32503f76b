"""The kinds of evaluation candidates. To add one, write its class and add a line to
CANDIDATE_KINDS.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from touchline.errors import InputError
from touchline.evaluation.candidates.adapter import AdapterCandidate
from touchline.evaluation.candidates.blank import BlankFramesCandidate
from touchline.evaluation.candidates.candidate import EvalCandidate
from touchline.evaluation.candidates.endpoint import EndpointCandidate
from touchline.evaluation.candidates.floor import FloorCandidate
from touchline.evaluation.candidates.mlflow_registry import RegistryCandidate
from touchline.evaluation.candidates.model import ModelCandidate
from touchline.evaluation.candidates.shuffled import ShuffledFramesCandidate
from touchline.evaluation.candidates.single import SingleFrameCandidate
from touchline.evaluation.candidates.text import TextCandidate

CANDIDATE_KINDS: dict[str, type[EvalCandidate]] = {
    "model": ModelCandidate,
    "adapter": AdapterCandidate,
    "registry": RegistryCandidate,
    "text": TextCandidate,
    "endpoint": EndpointCandidate,
    "floor": FloorCandidate,
    "blank": BlankFramesCandidate,
    "shuffled": ShuffledFramesCandidate,
    "single": SingleFrameCandidate,
}


def parse_candidates(entries: Sequence[Mapping[str, Any]]) -> list[EvalCandidate]:
    """Parse the entries of `evaluate.candidates`. Raises `InputError` naming the wrong entry or a
    duplicate name.
    """
    candidates = [_parse_candidate(place, entry) for place, entry in enumerate(entries)]
    names = [candidate.name for candidate in candidates]
    duplicate_names = sorted({name for name in names if names.count(name) > 1})
    if duplicate_names:
        raise InputError(
            f"evaluate.candidates: {duplicate_names[0]}", "two have this name", "rename one"
        )
    return candidates


def _parse_candidate(place: int, entry: Mapping[str, Any]) -> EvalCandidate:
    where = f"evaluate.candidates[{place}]"
    kind = entry.get("kind", "")
    if kind not in CANDIDATE_KINDS:
        raise InputError(
            where, f"kind {kind!r} is unknown", f"take one of {', '.join(CANDIDATE_KINDS)}"
        )
    try:
        return CANDIDATE_KINDS[kind].model_validate(dict(entry))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(where, faults, "correct these keys") from None
