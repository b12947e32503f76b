"""Under which terms a product is here, and what of it may leave.

Every product has a `terms.json` beside it: the sources whose pictures or words it holds or was
trained on, and their terms. A row belongs to the source that its match begins with.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError
from touchline.records.clip import Clip
from touchline.records.video import Video

TERMS_FILE = "terms.json"
TERMS_BY_STRICTNESS = ("open", "request", "nda")  # from lax to strict
WITHHELD_REASON = "withheld: NDA"

SourceTerms = Mapping[str, tuple[str, str]]  # source -> its licence, its terms


class LicenceParams(Params):
    """Where content under an NDA may be shown, because only those who signed it look there.

    `log` is what stages say: the terminal, the run's record, Prefect and MLflow. This is a
    parameter, not a variable of the environment, because it decides what stands in a product.
    """

    inside: list[Literal["health", "gates", "report", "log"]]

    def withheld_terms(self, target: str) -> frozenset[str]:
        """The terms whose content this target must not show."""
        return frozenset() if target in self.inside else frozenset({"nda"})


def collect_source_terms(rows: Iterable[Video | Clip]) -> dict[str, tuple[str, str]]:
    """The sources of these rows; the strictest terms count where they differ."""
    every = {(row.source, row.licence, row.terms) for row in rows}
    ordered = sorted(every, key=lambda row: (rank_terms(row[2]), row))
    return {source: (licence, terms) for source, licence, terms in ordered}


def rank_terms(terms: str) -> int:
    """How strict; terms that nobody knows are the strictest."""
    return (
        TERMS_BY_STRICTNESS.index(terms)
        if terms in TERMS_BY_STRICTNESS
        else len(TERMS_BY_STRICTNESS)
    )


def write_product_terms(folder: Path, held: SourceTerms, *origins: Path) -> None:
    """Write `terms.json` into a product: of its own sources and of the products it comes from.

    An origin that is no product of ours, such as a model of a hub, brings no terms.
    """
    products = [origin for origin in origins if (origin / TERMS_FILE).is_file()]
    every = {
        name: terms for origin in products for name, terms in read_product_terms(origin).items()
    } | {**held}
    strictest = max(
        (terms for _, terms in every.values()), key=rank_terms, default=TERMS_BY_STRICTNESS[0]
    )
    sources = {
        name: {"licence": licence, "terms": terms}
        for name, (licence, terms) in sorted(every.items())
    }
    with atomic_file(folder / TERMS_FILE) as draft:
        text = json.dumps({"terms": strictest, "sources": sources}, indent=1)
        draft.write_text(f"{text}\n", encoding="utf-8")


def read_product_terms(folder: Path) -> dict[str, tuple[str, str]]:
    """The sources that a product is marked with; a `InputError` when it is not marked."""
    if not (folder / TERMS_FILE).is_file():
        raise InputError(folder, "does not say its terms", "rerun the stage that makes it")
    try:
        found = json.loads((folder / TERMS_FILE).read_text(encoding="utf-8"))["sources"].items()
        held = {name: (one["licence"], one["terms"]) for name, one in found}
        told = all(isinstance(word, str) for pair in held.values() for word in pair)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        held, told = {}, False
    if not told:
        raise InputError(
            folder / TERMS_FILE, "is no list of terms", "rerun the stage that makes it"
        )
    return held


def select_withheld_sources(held: SourceTerms, withheld: frozenset[str]) -> set[str]:
    """The sources of which nothing may be shown."""
    return {name for name, (_, terms) in held.items() if terms in withheld}


def redact_input_error(fault: InputError) -> InputError:
    """The fault without what stands in the file: its place, by number but not by name."""
    file, colon, key = fault.place.partition(": ")
    bare = re.sub(r"""(['"]).*?\1""", "...", key)
    remedy = "look at that place in the file, or add `log` to licence.inside to be told here"
    return InputError(f"{file}{colon}{bare}", f"is faulty ({WITHHELD_REASON})", remedy)
