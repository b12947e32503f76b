"""The kinds of candidates: one file each; add a kind as one file and one line."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from touchline.errors import BadInput
from touchline.evaluation.candidates.adapter import Adapter
from touchline.evaluation.candidates.blank import Blank
from touchline.evaluation.candidates.candidate import Candidate
from touchline.evaluation.candidates.endpoint import Served
from touchline.evaluation.candidates.floor import Floor
from touchline.evaluation.candidates.mlflow_registry import Registry
from touchline.evaluation.candidates.model import Model
from touchline.evaluation.candidates.shuffled import Shuffled
from touchline.evaluation.candidates.single import Single
from touchline.evaluation.candidates.text import Text

KINDS: dict[str, type[Candidate]] = {
    "model": Model,
    "adapter": Adapter,
    "registry": Registry,
    "text": Text,
    "endpoint": Served,
    "floor": Floor,
    "blank": Blank,
    "shuffled": Shuffled,
    "single": Single,
}


def chosen(entries: Sequence[Mapping[str, Any]]) -> list[Candidate]:
    """The entries of `evaluate.candidates`; a `BadInput` names the one that is wrong."""
    found = [_chosen(place, entry) for place, entry in enumerate(entries)]
    names = [candidate.name for candidate in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"evaluate.candidates: {twice[0]}", "two have this name", "rename one")
    return found


def _chosen(place: int, entry: Mapping[str, Any]) -> Candidate:
    where = f"evaluate.candidates[{place}]"
    kind = entry.get("kind", "")
    if kind not in KINDS:
        raise BadInput(where, f"kind {kind!r} is unknown", f"take one of {', '.join(KINDS)}")
    try:
        return KINDS[kind].model_validate(dict(entry))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadInput(where, faults, "mend these keys") from None
