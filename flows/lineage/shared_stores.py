"""A withdrawn match in the stores that several machines share: dropped, marked, and looked for.

These are DVC's own remotes and the store of `TOUCHLINE_REMOTE`. An object that is in this machine's
cache too was looked through there; every other one is fetched and looked through, for another
machine may have pushed it.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.exceptions import BotoCoreError, ClientError
from dvc_data.hashfile.db import HashFileDB

from flows.lineage.byte_search import Probes, blotted, left_in
from flows.runs import dvc_project
from flows.runs.terminal import say
from flows.services import environment, secrets
from flows.store import push_pull, remote, run_claims
from touchline.errors import BadInput
from touchline.progress import Progress

MIB = 2**20
Stores = dict[str, HashFileDB]  # address -> DVC's view of it


def stores(root: Path) -> Stores:
    """All that this checkout and its environment name; nothing is asked yet."""
    with dvc_project.project(root) as repo:
        found = {repo.config["remote"][name]["url"]: name for name in repo.config["remote"]}
        named = {url: repo.cloud.get_remote_odb(name) for url, name in found.items()}
    ours = remote.named()
    return {**named, **({ours.url: ours.objects} if ours else {})}


def reached(root: Path) -> Stores:
    """The same, each of which answers; a `BadInput` before anything is removed if one does not."""
    secrets.load(environment.prepare(root))
    found = stores(root)
    for url, store in found.items():
        with _border(url):
            store.oids_exist(["0" * 32])
    if ours := remote.named():
        run_claims.reach(
            ours.url
        )  # an object that is not there says nothing of a bucket that is not
    return found


def drop(store: HashFileDB, url: str, digests: Collection[str]) -> int:
    """Remove these objects; how many were there."""
    with _border(url):
        there = store.oids_exist(list(digests)) if digests else []
        for oid in there:
            store.delete(oid)
    return len(there)


def mark(gone: dict[str, list[str]], stone: str, sought: Probes, put: bytes) -> None:
    """Our store's records lose the words; those of the runs in `gone` say what is withdrawn."""
    if not (ours := remote.named()):
        return
    for id in run_claims.ids(ours.url):
        if (run := push_pull.read(ours, id)) is None:
            continue  # removed meanwhile
        if id in gone:
            run.withdrawn[stone] = sorted(gone[id])
        text = run.model_dump_json(indent=2)
        run_claims.write(ours.url, id, blotted(text.encode(), sought.needles(), put).decode())


def prove(root: Path, sought: Probes) -> list[str]:
    """Look through what only the stores have, drop what turns up; what is left, as sentences."""
    remains = []
    for url, store in reached(root).items():
        found = dict(_look(url, store, dvc_project.cache(root), sought))
        for oid, what in found.items():
            say(f"found and removed: {oid} at {url} ({', '.join(sorted(what))})")
        drop(store, url, found)
        with _border(url):
            still = store.oids_exist(list(found)) if found else []
        remains += [f"{oid} at {url}: {', '.join(sorted(found[oid]))}" for oid in still]
    return remains


def _look(
    url: str, store: HashFileDB, cache: Path, sought: Probes
) -> Iterator[tuple[str, set[str]]]:
    """(object, what of the match is in it), of those that this machine's cache has not."""
    with _border(url):
        every = sorted(store.all())
    here = {oid for oid in every if (cache / "files" / "md5" / oid[:2] / oid[2:]).is_file()}
    needles, size = sought.needles(), 0
    with Progress("look", len(every) - len(here)) as progress, TemporaryDirectory() as name:
        for oid in (one for one in every if one not in here):
            file = Path(name) / oid
            with _border(url):
                store.fs.get(store.oid_to_path(oid), str(file))
            size += file.stat().st_size
            if what := left_in(file, sought, needles):
                yield oid, what
            file.unlink()
            progress.step()
    more = f"{len(every) - len(here)} fetched, {size / MIB:.1f} MiB"
    say(f"and in {len(every)} objects at {url}: {len(here)} are in DVC's cache too, {more}")


def named_still(found: Stores, wanted: Iterable[str]) -> None:
    """A removal that was begun must reach every store that it began with."""
    if lost := sorted(set(wanted) - set(found)):
        wrong = "holds what is withdrawn, and nothing names it any more"
        raise BadInput(lost[0], wrong, f"set {remote.VARIABLE} to it, and finish the removal")


@contextmanager
def _border(url: str) -> Iterator[None]:
    try:  # the border to the network
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise run_claims.told(error, url) from error
