"""Remove a withdrawn match from shared stores: DVC's remotes and the store of `TOUCHLINE_REMOTE`.

Objects are deleted, run records marked, and every object that is not in the local cache is
downloaded and searched, since another machine may have pushed it.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.exceptions import BotoCoreError, ClientError
from dvc_data.hashfile.db import HashFileDB

from flows.lineage.byte_search import SearchTerms, redact_needles, search_file_for_traces
from flows.runs import dvc_project
from flows.runs.terminal import print_line
from flows.services import environment, secrets
from flows.store import push_pull, remote, run_claims
from touchline.errors import InputError
from touchline.progress import ProgressReporter

MIB = 2**20
StoresByUrl = dict[str, HashFileDB]  # address -> DVC's view of it


def list_shared_stores(root: Path) -> StoresByUrl:
    """Object databases of all configured stores by URL, without connecting to them."""
    with dvc_project.open_dvc_project(root) as repo:
        names_by_url = {repo.config["remote"][name]["url"]: name for name in repo.config["remote"]}
        dvc_stores = {url: repo.cloud.get_remote_odb(name) for url, name in names_by_url.items()}
    remote_store = remote.get_remote_store()
    return {**dvc_stores, **({remote_store.url: remote_store.objects} if remote_store else {})}


def connect_shared_stores(root: Path) -> StoresByUrl:
    """Like `list_shared_stores`, after checking that each one answers; raises `InputError` if one
    does not.
    """
    secrets.load_secrets(environment.prepare_environment(root))
    databases = list_shared_stores(root)
    for url, store in databases.items():
        with _explain_network_errors(url):
            store.oids_exist(["0" * 32])
    if remote_store := remote.get_remote_store():
        run_claims.ping_store(
            remote_store.url
        )  # an object that is not there says nothing of a bucket that is not
    return databases


def delete_store_objects(store: HashFileDB, url: str, digests: Collection[str]) -> int:
    """Delete these objects from a store. Returns how many it had."""
    with _explain_network_errors(url):
        existing = store.oids_exist(list(digests)) if digests else []
        for oid in existing:
            store.delete(oid)
    return len(existing)


def mark_store_records(
    withdrawn_paths: dict[str, list[str]], tombstone_id: str, terms: SearchTerms, replacement: bytes
) -> None:
    """Redact all run records in the store of `TOUCHLINE_REMOTE`, and note the withdrawn products in
    those of `withdrawn_paths`.
    """
    if not (remote_store := remote.get_remote_store()):
        return
    for id in run_claims.list_claimed_runs(remote_store.url):
        if (run := push_pull.read_stored_record(remote_store, id)) is None:
            continue  # removed meanwhile
        if id in withdrawn_paths:
            run.withdrawn[tombstone_id] = sorted(withdrawn_paths[id])
        text = run.model_dump_json(indent=2)
        run_claims.write_run_claim(
            remote_store.url,
            id,
            redact_needles(text.encode(), terms.needles(), replacement).decode(),
        )


def prove_stores_clean(root: Path, terms: SearchTerms) -> list[str]:
    """Search the objects that only the stores have and delete those with traces. Returns sentences
    about what could not be deleted.
    """
    remaining = []
    for url, store in connect_shared_stores(root).items():
        traces_by_object = dict(
            _search_uncached_objects(url, store, dvc_project.read_cache_dir(root), terms)
        )
        for oid, labels in traces_by_object.items():
            print_line(f"found and removed: {oid} at {url} ({', '.join(sorted(labels))})")
        delete_store_objects(store, url, traces_by_object)
        with _explain_network_errors(url):
            undeleted = store.oids_exist(list(traces_by_object)) if traces_by_object else []
        remaining += [
            f"{oid} at {url}: {', '.join(sorted(traces_by_object[oid]))}" for oid in undeleted
        ]
    return remaining


def _search_uncached_objects(
    url: str, store: HashFileDB, cache: Path, terms: SearchTerms
) -> Iterator[tuple[str, set[str]]]:
    """(md5, labels) of the objects with traces, of those that the local cache does not have."""
    with _explain_network_errors(url):
        all_objects = sorted(store.all())
    cached = {oid for oid in all_objects if (cache / "files" / "md5" / oid[:2] / oid[2:]).is_file()}
    needles, size = terms.needles(), 0
    with (
        ProgressReporter("look", len(all_objects) - len(cached)) as progress,
        TemporaryDirectory() as scratch,
    ):
        for oid in (object_id for object_id in all_objects if object_id not in cached):
            file = Path(scratch) / oid
            with _explain_network_errors(url):
                store.fs.get(store.oid_to_path(oid), str(file))
            size += file.stat().st_size
            if labels := search_file_for_traces(file, terms, needles):
                yield oid, labels
            file.unlink()
            progress.step()
    summary = f"{len(all_objects) - len(cached)} fetched, {size / MIB:.1f} MiB"
    print_line(
        f"and in {len(all_objects)} objects at {url}: {len(cached)} are in DVC's "
        f"cache too, {summary}"
    )


def check_stores_named(databases: StoresByUrl, urls: Iterable[str]) -> None:
    """Raise `InputError` if a store that the removal began with is no longer configured."""
    if unnamed := sorted(set(urls) - set(databases)):
        problem = "holds what is withdrawn, and nothing names it any more"
        raise InputError(
            unnamed[0], problem, f"set {remote.REMOTE_VARIABLE} to it, and finish the removal"
        )


@contextmanager
def _explain_network_errors(url: str) -> Iterator[None]:
    """Context manager: re-raise network and file errors as `InputError`."""
    try:  # the border to the network
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise run_claims.explain_store_error(error, url) from error
