"""How far a match reaches: products, models, scores, objects of the cache and stores it is in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from flows.lineage import derive_rows, indexing, mlflow_marks, other_stores, queries, shared_stores
from flows.lineage.manifest import Product
from flows.lineage.mlflow_marks import Tracked
from flows.lineage.other_stores import Wanted
from flows.lineage.queries import Scope, Share
from flows.lineage.run_index import Lineage
from flows.runs import show
from flows.runs.record import Record
from flows.store import dvc_cache
from touchline.errors import BadInput

LEARNT = ("lesson", "rollout")  # kinds of rows that moved a model's weights
EXAMPLES = 3


@dataclass(frozen=True)
class Held:
    """One kind of row: how many distinct ones the newest product has, and some of their ids."""

    kind: str
    rows: int  # in the newest product that holds any
    versions: int
    product: int  # the newest
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Learnt:
    """A model that was trained on rows of it."""

    path: str
    md5: str
    rows: dict[str, int]  # lessons and rollouts
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Objects:
    """What of DVC's cache goes: object -> why, and what of it holds rows of others as well."""

    gone: dict[str, str]  # digest -> path of the product that holds it
    bytes: int
    shared: int  # of those: hold rows of other matches, and are made anew
    products: tuple[Product, ...]  # which can then no longer be restored


@dataclass
class Reach:
    """All that came of a scope."""

    scope: Scope
    units: list[Scope]
    held: list[Held]
    models: list[Learnt]
    scores: dict[str, Any]  # run -> candidate -> task -> metric -> {value, low, high, n}
    runs: dict[str, list[str]]  # run -> paths of its products that hold rows of it
    objects: Objects
    stores: dict[str, Any]
    tracked: Tracked
    shared: list[str]  # addresses of stores that may hold the objects as well
    wanted: Wanted
    cost: dict[str, float]  # stage -> CPU seconds, as last recorded
    notes: list[str] = field(default_factory=list)


def reach(lineage: Lineage, scope: Scope, records: Sequence[Record], all_ids: bool) -> Reach:
    """Read it off the index, the cache and the stores; nothing is changed."""
    with lineage.engine.connect() as db:
        every, units = queries.shares(db, scope), queries.units(db, scope)
        holders = queries.holders(db, {share.number for share in every})
        wanted = _wanted(db, scope, units, every)
        objects = _objects(db, lineage.cache, every, units, wanted.matches)
        held = [_held(db, units, shares, all_ids) for shares in _by_kind(every)]
    runs: dict[str, list[str]] = {}
    for share in every:
        for run, _ in holders.get(share.number, []):
            paths = runs.setdefault(run, [])
            paths += [share.product.path] if share.product.path not in paths else []
    touched, models = [one for one in records if one.id in runs], _models(every, holders)
    return Reach(
        scope=scope,
        units=units,
        held=held,
        models=models,
        scores={r.id: show.scores(r) for r in touched if "data/answers" in runs[r.id]},
        runs=dict(sorted(runs.items())),
        objects=objects,
        stores=_stores(lineage.root, wanted),
        tracked=mlflow_marks.find(lineage.root, wanted.md5, {one.md5 for one in models}),
        shared=sorted(shared_stores.stores(lineage.root)),
        wanted=wanted,
        cost=_cost(touched),
    )


def _by_kind(every: Iterable[Share]) -> list[list[Share]]:
    kinds: dict[str, list[Share]] = {}
    for share in every:
        kinds.setdefault(share.kind, []).append(share)
    return list(kinds.values())


def _held(db: Connection, units: Sequence[Scope], shares: list[Share], all_ids: bool) -> Held:
    """Products are numbered as they come: the highest is the newest."""
    newest = max(shares, key=lambda share: share.number)
    ids: dict[str, None] = {}
    for share in shares if all_ids else [newest]:
        for unit in units:
            most = None if all_ids else EXAMPLES - len(ids)
            if most is None or most > 0:
                ids |= dict.fromkeys(queries.ids(db, unit, share.number, share.kind, most))
    return Held(newest.kind, newest.rows, len(shares), newest.number, tuple(ids))


def _models(every: Iterable[Share], holders: dict[int, list[tuple[str, str]]]) -> list[Learnt]:
    found: dict[tuple[str, str], Learnt] = {}
    for share in every:
        if share.product.name in derive_rows.MODELS and share.kind in LEARNT:
            key = share.product.path, share.product.md5
            before = found.get(key)
            rows = {**(before.rows if before else {}), share.kind: share.rows}
            runs = dict.fromkeys(before.runs if before else ())
            runs |= dict.fromkeys(run for run, _ in holders.get(share.number, []))
            found[key] = Learnt(*key, rows, tuple(runs))
    return list(found.values())


def _wanted(db: Connection, scope: Scope, units: Sequence[Scope], every: Iterable[Share]) -> Wanted:
    return Wanted(
        units=tuple(unit.name for unit in units),
        matches=tuple(queries.matches(db, scope)),
        sha256=frozenset(queries.digests(db, scope)),
        md5=frozenset(share.product.md5 for share in every),
    )


def _own(db: Connection, units: Iterable[Scope]) -> dict[int, set[str]]:
    """product -> names of its files that hold these and no others."""
    own: dict[int, set[str]] = {}
    for unit in units:
        for number, name in queries.stored(db, unit):
            own.setdefault(number, set()).add(name)
    return own


def _objects(
    db: Connection,
    cache: Path,
    every: Iterable[Share],
    units: Sequence[Scope],
    matches: Sequence[str],
) -> Objects:
    """Of a product with a file per video, those files; else all that no other product has too."""
    mine = {share.number: share.product for share in every}
    own, videos = _own(db, units), _own(db, [unit for unit in units if unit.name not in matches])
    exact, whole = dict[str, str](), dict[str, str]()
    for number, product in mine.items():
        files = _files(cache, product)
        if product.name in derive_rows.ONE_FILE_PER_VIDEO:
            names = own.get(number, set()) & set(files)
            others = {md5 for name, md5 in files.items() if name not in names}
            exact |= {
                files[name]: product.path
                for name in names
                if name in videos.get(number, ()) or files[name] not in others
            }
            exact |= {product.md5: product.path}
        else:
            whole |= dict.fromkeys([product.md5, *files.values()], product.path)
    other = {p for p in indexing.known(db) if p.md5 not in {one.md5 for one in mine.values()}}
    spared = {md5 for product in other for md5 in _files(cache, product).values()} - set(exact)
    gone = {**{md5: path for md5, path in whole.items() if md5 not in spared}, **exact}
    here = [file for md5 in gone if (file := _object(cache, md5)).is_file()]
    total = sum(file.stat().st_size for file in here)
    products = tuple(dict.fromkeys(mine.values()))
    return Objects(gone, total, len(set(gone) - set(exact)), products)


def _files(cache: Path, product: Product) -> dict[str, str]:
    """Path in the product -> digest; none where the cache has it no more."""
    try:
        return dvc_cache.names(cache, product.md5, product.path)
    except BadInput:
        return {}


def _object(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def _stores(root: Path, wanted: Wanted) -> dict[str, Any]:
    """What else lies here, by store: paths below the root, or counts."""

    def below(paths: Iterable[Path]) -> list[str]:
        return [str(p.relative_to(root)) if p.is_relative_to(root) else str(p) for p in paths]

    return {
        "checkpoints": below(other_stores.of_checkpoints(root, wanted)),
        "answers": other_stores.of_answers(root, wanted),
        "replies": other_stores.of_replies(root, wanted),
        "highlights": below(other_stores.of_highlights(root, wanted)),
        "nights": below(
            other_stores.of_nights(root, wanted) + other_stores.of_benchmarks(root, wanted)
        ),
    }


def _cost(touched: Iterable[Record]) -> dict[str, float]:
    """CPU seconds that each stage took when it last ran with these rows."""
    found: dict[str, float] = {}
    for run in touched:
        for stage, done in run.stages.items():
            if done.state == "Ran":
                found[stage] = done.cpu_seconds
            else:
                found.setdefault(stage, 0.0)
    return found
