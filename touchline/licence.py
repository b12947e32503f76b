"""Licence terms of products: which sources they contain, and what may be shown.

Every product has a `terms.json` listing the sources whose images or text it contains or was trained
on, with licence and terms (open, request or nda). A row's source is the first part of its match.
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
    """Params section `licence`: the outputs in which NDA content may appear, because only
    signatories see them.

    `log` means everything the stages print, including the run record, Prefect and MLflow.
    """

    inside: list[Literal["health", "gates", "report", "log"]]

    def withheld_terms(self, target: str) -> frozenset[str]:
        """The terms whose content must not appear in `target`."""
        return frozenset() if target in self.inside else frozenset({"nda"})


def collect_source_terms(rows: Iterable[Video | Clip]) -> dict[str, tuple[str, str]]:
    """{source: (licence, terms)} of the rows; the strictest terms if rows of a source differ."""
    distinct_terms = {(row.source, row.licence, row.terms) for row in rows}
    ordered = sorted(distinct_terms, key=lambda row: (rank_terms(row[2]), row))
    return {source: (licence, terms) for source, licence, terms in ordered}


def rank_terms(terms: str) -> int:
    """Strictness of terms as a number; unknown terms rank highest."""
    return (
        TERMS_BY_STRICTNESS.index(terms)
        if terms in TERMS_BY_STRICTNESS
        else len(TERMS_BY_STRICTNESS)
    )


def write_product_terms(folder: Path, source_terms: SourceTerms, *origins: Path) -> None:
    """Write a product's `terms.json`: its own sources and those of the products it was made from.

    Origins without `terms.json`, such as a model from the Hugging Face hub, are skipped.
    """
    products = [origin for origin in origins if (origin / TERMS_FILE).is_file()]
    all_sources = {
        name: terms for origin in products for name, terms in read_product_terms(origin).items()
    } | {**source_terms}
    strictest = max(
        (terms for _, terms in all_sources.values()), key=rank_terms, default=TERMS_BY_STRICTNESS[0]
    )
    sources = {
        name: {"licence": licence, "terms": terms}
        for name, (licence, terms) in sorted(all_sources.items())
    }
    with atomic_file(folder / TERMS_FILE) as draft:
        text = json.dumps({"terms": strictest, "sources": sources}, indent=1)
        draft.write_text(f"{text}\n", encoding="utf-8")


def read_product_terms(folder: Path) -> dict[str, tuple[str, str]]:
    """Read {source: (licence, terms)} from a product's `terms.json`. Raises InputError if it is
    missing or invalid.
    """
    if not (folder / TERMS_FILE).is_file():
        raise InputError(folder, "does not say its terms", "rerun the stage that makes it")
    try:
        entries = json.loads((folder / TERMS_FILE).read_text(encoding="utf-8"))["sources"].items()
        source_terms = {name: (entry["licence"], entry["terms"]) for name, entry in entries}
        is_valid = all(isinstance(word, str) for pair in source_terms.values() for word in pair)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        source_terms, is_valid = {}, False
    if not is_valid:
        raise InputError(
            folder / TERMS_FILE, "is not a list of terms", "rerun the stage that makes it"
        )
    return source_terms


def select_withheld_sources(source_terms: SourceTerms, withheld: frozenset[str]) -> set[str]:
    """The sources whose terms are among `withheld`: nothing of them may be shown."""
    return {name for name, (_, terms) in source_terms.items() if terms in withheld}


def redact_input_error(fault: InputError) -> InputError:
    """The error without any quoted file content: keeps the file and row number, drops names and the
    description.
    """
    file, colon, key = fault.place.partition(": ")
    bare = re.sub(r"""(['"]).*?\1""", "...", key)
    remedy = "look at that place in the file, or add `log` to licence.inside to be told here"
    return InputError(f"{file}{colon}{bare}", f"is faulty ({WITHHELD_REASON})", remedy)
