"""Row lineage of runs: manifests of what they made, written once per product, and indexed.

The end of a run calls `note`; whoever asks calls `caught_up`, which also brings in the runs of
another clone or an older Touchline. What cannot be read is told in a sentence; the rest goes on.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from flows.lineage import derive_rows, indexing, manifest, queries, schema
from flows.lineage.manifest import Product
from flows.runs import dvc_project, record
from flows.runs.record import Record
from flows.store import dvc_cache
from touchline.errors import BadInput

CHECKOUT = "dvc.lock"  # stands for a run where somebody called `dvc repro` by hand


@dataclass(frozen=True)
class Made:
    """What one run holds: path in the project -> (stage, digest)."""

    id: str
    products: Mapping[str, tuple[str, str]]


@dataclass
class Shelf:
    """Products by their digests, in the cache of a checkout."""

    cache: Path
    listed: dict[str, dict[str, Path]] = field(default_factory=dict)

    def files(self, md5: str, whose: str) -> dict[str, Path]:
        """Path in the product -> object; a `BadInput` where the cache lacks any."""
        if md5 not in self.listed:
            named = dvc_cache.names(self.cache, md5, whose) if md5.endswith(".dir") else {}
            found = {name: dvc_cache.stored(self.cache, one, whose) for name, one in named.items()}
            self.listed[md5] = found
        return self.listed[md5]

    def here(self, product: Product) -> dict[str, Path]:
        """The same; of what the cache lacks, nothing."""
        try:
            return self.files(product.md5, product.path)
        except BadInput:
            return {}


@dataclass
class Lineage:
    """The row index of one checkout."""

    root: Path

    @cached_property
    def engine(self) -> Engine:
        return schema.open_lineage_database(schema.url(self.root))

    @property
    def folder(self) -> Path:
        return self.root / ".touchline" / "lineage"

    @cached_property
    def cache(self) -> Path:
        return dvc_project.cache(self.root)

    def caught_up(self) -> list[str]:
        """Index every run that is not yet; the sentences of what could not be."""
        with self.engine.connect() as db:
            done = queries.indexed(db) - {CHECKOUT}
        said: list[str] = []
        for made in self._runs(done, said):
            said += self.bring(made)
        return said

    def bring(self, made: Made) -> list[str]:
        """Index what one run holds."""
        shelf, said = Shelf(self.cache), list[str]()
        with self.engine.connect() as db:
            known = indexing.known(db)
        held: list[tuple[str, int]] = []
        for path, (stage, md5) in made.products.items():
            name = Path(path).name
            if name not in derive_rows.RULES or path != f"data/{name}":
                continue
            product = Product(path, md5, _origin(name, made))
            try:
                number = known.get(product) or self._index(product, made, shelf)
            except BadInput as fault:
                said.append(f"run {made.id}: {fault}")
                continue
            held.append((stage, number))
        indexing.use(self.engine, made.id, held, whole=not said)
        return said

    def _index(self, product: Product, made: Made, shelf: Shelf) -> int:
        """By the manifest that is there, else by one that is written now."""
        rows = manifest.read(self.folder, product)
        if rows is None:
            whose = f"{product.path} of run {made.id}"
            files = shelf.files(product.md5, whose)
            rows = derive_rows.rows(product.name, files, self._near(product, made, shelf))
            manifest.write(self.folder, product, rows)
        return indexing.add(self.engine, product, rows)

    def _near(self, product: Product, made: Made, shelf: Shelf) -> derive_rows.Near:
        """Files of the products of the same run by which the rows of this one are told."""
        wanted = derive_rows.NEEDS.get(product.name, ())
        near = {}
        for name in ("manifest",) if product.name in derive_rows.LOOKED_UP else wanted:
            _, md5 = made.products.get(f"data/{name}", ("", ""))
            if md5:
                near[name] = shelf.files(md5, f"data/{name} of run {made.id}")
        return near

    def _runs(self, done: set[str], said: list[str]) -> Iterator[Made]:
        """Runs that are not indexed, the oldest first, and what `dvc repro` made by hand."""
        held: set[tuple[str, str]] = set()
        for one in records(self.root, said):
            made = of(one)
            held |= {(path, md5) for path, (_, md5) in made.products.items()}
            if one.id not in done and one.state != "running":
                yield made
        by_hand = {
            file.path: (stage, file.md5)
            for stage, files in dvc_project.products(self.root).items()
            for file in files
        }
        if {(path, md5) for path, (_, md5) in by_hand.items()} - held:
            yield Made(CHECKOUT, by_hand)


def note(root: Path, run: Record) -> list[str]:
    """Index a run that has just ended; a database that fails costs the run nothing."""
    try:
        return Lineage(root).bring(of(run))
    except BadInput as fault:
        return [str(fault)]
    except SQLAlchemyError as error:  # the border to the database
        return [
            f"not indexed ({' '.join(str(error).split())[:120]}); `touchline impact` tries again"
        ]


def of(run: Record) -> Made:
    made = {
        file.path: (stage, file.md5)
        for stage, done in run.stages.items()
        for file in done.products
        if file.md5 and file.path not in run.gone
    }
    return Made(run.id, made)


def records(root: Path, said: list[str]) -> list[Record]:
    """All runs that can be read, the oldest first; `said` gets a sentence for any other."""
    texts = dict(record.fetched(root, skip=set()))
    found: dict[str, Record] = {}
    for id, text in texts.items():
        _take(found, id, text, f"refs/runs/{id}", said)
    for file in sorted(record.folder(root).glob("*.json")):
        kept = found.pop(file.stem, None)
        _take(found, file.stem, file.read_bytes(), str(file.relative_to(root)), said)
        mine = found.get(file.stem)
        if kept and mine and (kept.started, kept.commit) != (mine.started, mine.commit):
            said.append(_twice(file.stem, f"refs/runs/{file.stem}", file.relative_to(root)))
            found[f"{kept.id}~refs"] = kept.model_copy(update={"id": f"{kept.id}~refs"})
    return [found[id] for id in sorted(found)]


def _take(
    found: dict[str, Record], id: str, text: str | bytes, place: str, said: list[str]
) -> None:
    try:
        one = Record.model_validate_json(text)
    except ValidationError as error:
        wrong = f"is no record of a run ({error.error_count()} faults)"
        said.append(str(BadInput(place, wrong, "move it away")))
        return
    if one.id != id:
        said.append(_twice(one.id, f"the run of that id and {place}", "it is passed over"))
        return
    found[id] = one


def _twice(id: str, one: object, other: object) -> str:
    return f"run {id}: two runs claim this id ({one}, {other}); rename one of them"


def _origin(name: str, made: Made) -> str:
    """What tells apart equal bytes of a product whose rows are those of others."""
    if name not in derive_rows.NEEDS:
        return ""
    beside = [made.products.get(f"data/{need}", ("", ""))[1] for need in derive_rows.NEEDS[name]]
    return hashlib.sha256(json.dumps(beside).encode()).hexdigest()[:12]
