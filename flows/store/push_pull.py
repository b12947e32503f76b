"""`touchline push` and `touchline pull`: copy a run's products to the shared store and back."""

from pathlib import Path

from pydantic import ValidationError

from flows.runs import dvc_project, record
from flows.runs.record import RunRecord, TrackedFile
from flows.runs.terminal import print_line
from flows.services import environment, secrets
from flows.store import dvc_cache, remote, run_claims
from flows.store.remote import RemoteStore
from touchline.errors import InputError
from touchline.tombstones import TOMBSTONES_FILE


def push_run(root: Path, run_name: str, mend: bool) -> int:
    """`touchline push`: send a run's products; `mend` replaces corrupt objects in the store.
    Returns exit status 0.
    """
    store = _open_store(root)
    run = record.find_run(root, run_name)
    object_count = push_products(root, run, store, mend)
    run.remote, run.unsent = store.url, ""
    if (record.get_runs_folder(root) / f"{run.id}.json").is_file():
        record.write_run_record(root, run)
    print_line(f"run {run.id}: {object_count} objects sent to {store.url}")
    return 0


def pull_run(root: Path, run_name: str) -> int:
    """`touchline pull`: fetch a run's products into DVC's cache. Returns exit status 0."""
    store = _open_store(root)
    run = find_run_or_stored(root, run_name, store)
    object_count = pull_products(dvc_project.read_cache_dir(root), run, store)
    print_line(f"run {run.id}: {object_count} objects fetched from {store.url}")
    return 0


def _open_store(root: Path) -> RemoteStore:
    secrets.load_secrets(environment.prepare_environment(root))
    return remote.require_remote_store()


def push_finished_run(root: Path, run: RunRecord) -> None:
    """Push the products of a finished run if a store is configured. A failure is noted in the
    record as `unsent`; the run still counts as completed.
    """
    try:
        if store := remote.get_remote_store():
            push_products(root, run, store)
            run.remote = store.url
    except InputError as fault:
        run.unsent = str(fault)


def push_products(root: Path, run: RunRecord, store: RemoteStore, mend: bool = False) -> int:
    """Claim the run's id in the store and send the objects it lacks. Returns how many were sent.
    Raises `InputError` if the run is not completed.
    """
    if run.state != "completed":
        raise InputError(f"run {run.id}", f"is {run.state}", "push a completed one")
    cache = dvc_project.read_cache_dir(root)
    claim_run_in_store(run, store)
    objects = list_product_objects(run) | list_folder_objects(cache, run)
    if mend:
        corrupt_digests = store.find_corrupt(objects)
        store.drop(corrupt_digests)
        print_line(f"{len(corrupt_digests)} objects were corrupt at {store.url}")
    return store.send(cache, objects)


def pull_products(cache: Path, run: RunRecord, store: RemoteStore) -> int:
    """Fetch the objects that the cache lacks: products and folder listings first, then the files
    listed. Returns how many were fetched.
    """
    return store.fetch(cache, list_product_objects(run)) + store.fetch(
        cache, list_folder_objects(cache, run)
    )


def list_product_objects(run: RunRecord) -> dict[str, str]:
    """Map the md5 of each product that is not withdrawn to a description. The md5 of a folder is
    that of its listing (`.dir`).
    """
    return {file.md5: f"{file.path} of run {run.id}" for file in _available_products(run)}


def list_folder_objects(cache: Path, run: RunRecord) -> dict[str, str]:
    """Map the md5 of each file inside the run's folder products to a description."""
    objects = {}
    for folder_product in (
        product for product in _available_products(run) if product.md5.endswith(".dir")
    ):
        listing = dvc_cache.read_folder_listing(
            cache, folder_product.md5, f"{folder_product.path} of run {run.id}"
        )
        objects |= {
            md5: f"{folder_product.path}/{file} of run {run.id}" for file, md5 in listing.items()
        }
    return objects


def _available_products(run: RunRecord) -> list[TrackedFile]:
    return [file for file in run.products if file.md5 and file.path not in run.withdrawn_paths]


def claim_run_in_store(run: RunRecord, store: RemoteStore) -> None:
    """Claim the run's id in the store. Raises `InputError` if another run has it, or if the store
    records a withdrawal that was not applied here.
    """
    claim_record = run.model_copy(update={"pid": 0, "unsent": "", "remote": ""})
    if run_claims.claim_run_id(store.url, run.id, claim_record.model_dump_json(indent=2)):
        return
    stored_record = read_stored_record(store, run.id)
    if stored_record is None or get_run_identity(stored_record) != get_run_identity(run):
        problem = f"another run claims this id at {store.url}"
        raise InputError(f"run {run.id}", problem, "repeat the run: it then has an id of its own")
    if withdrawn_paths := sorted(stored_record.withdrawn_paths - run.withdrawn_paths):
        problem = f"{', '.join(withdrawn_paths)} were withdrawn at {store.url}"
        remedy = (
            f"`git pull`, then `touchline impact` of what {TOMBSTONES_FILE} names, with "
            "--apply, here too"
        )
        raise InputError(f"run {run.id}", problem, remedy)


def get_run_identity(run: RunRecord) -> tuple[str, ...]:
    """Tuple that is equal for two records of the same run and differs for different runs."""
    digests = sorted(f"{file.path} {file.md5}" for file in run.products)
    return (run.id, run.started, run.commit, run.difference, *digests)


def find_run_or_stored(root: Path, run_name: str, store: RemoteStore) -> RunRecord:
    """The run from git refs or local records, else the store's record of this id, which is then
    saved locally.
    """
    try:
        return record.find_run(root, run_name)
    except InputError as fault:
        stored_record = (
            read_stored_record(store, run_name) if record.RUN_ID.fullmatch(run_name) else None
        )
        if stored_record is None:
            remedy = "`git fetch origin 'refs/runs/*:refs/runs/*'`, or give the whole id"
            raise InputError(fault.place, fault.wrong, remedy) from None
    record.write_run_record(root, stored_record)
    return stored_record


def read_stored_record(store: RemoteStore, id: str) -> RunRecord | None:
    """The store's record of a run, or None. Raises `InputError` if it is damaged or
    has another id.
    """
    text = run_claims.read_run_claim(store.url, id)
    try:
        stored_record = RunRecord.model_validate_json(text) if text is not None else None
    except ValidationError:
        problem = f"its record at {store.url} is damaged"
        raise InputError(f"run {id}", problem, "fetch the run with git: refs/runs/*") from None
    if stored_record is not None and stored_record.id != id:
        raise InputError(
            f"run {id}", f"its record at {store.url} says {stored_record.id}", "remove it there"
        )
    return stored_record
