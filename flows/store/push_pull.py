"""`touchline push` and `touchline pull`: a run's products to the shared store, and back."""

from pathlib import Path

from pydantic import ValidationError

from flows.retrain.run import Run
from flows.runs import dvc_project, record
from flows.runs.record import File, Record
from flows.runs.terminal import say
from flows.services import environment, secrets
from flows.store import dvc_cache, remote, run_claims
from flows.store.remote import Remote
from touchline.errors import BadInput
from touchline.tombstones import FILE


def send(root: Path, wanted: str, mend: bool) -> int:
    """`touchline push`. Exit status 0: the store has it all."""
    store = _store(root)
    run = record.find(root, wanted)
    sent = push(root, run, store, mend)
    run.remote, run.unsent = store.url, ""
    if (record.folder(root) / f"{run.id}.json").is_file():
        record.write(root, run)
    say(f"run {run.id}: {sent} objects sent to {store.url}")
    return 0


def fetch(root: Path, wanted: str) -> int:
    """`touchline pull`. Exit status 0: the cache has it all."""
    store = _store(root)
    run = known(root, wanted, store)
    came = pull(dvc_project.cache(root), run, store)
    say(f"run {run.id}: {came} objects fetched from {store.url}")
    return 0


def _store(root: Path) -> Remote:
    secrets.load(environment.prepare(root))
    return remote.needed()


def after(run: Run) -> None:
    """Push what a run made, if a store is named. The run stands, whatever becomes of that."""
    try:
        if store := remote.named():
            push(run.root, run.record, store)
            run.record.remote = store.url
    except BadInput as fault:
        run.record.unsent = str(fault)


def push(root: Path, run: Record, store: Remote, mend: bool = False) -> int:
    """Claim the run's id in the store, then send what it lacks; how many objects went."""
    if run.state != "completed":
        raise BadInput(f"run {run.id}", f"is {run.state}", "push a completed one")
    cache = dvc_project.cache(root)
    claim(run, store)
    objects = products(run) | contents(cache, run)
    if mend:
        bad = store.corrupt(objects)
        store.drop(bad)
        say(f"{len(bad)} objects were corrupt at {store.url}")
    return store.send(cache, objects)


def pull(cache: Path, run: Record, store: Remote) -> int:
    """Fetch what the cache lacks: the products, folders' lists among them, then what those name."""
    return store.bring(cache, products(run)) + store.bring(cache, contents(cache, run))


def products(run: Record) -> dict[str, str]:
    """Digest -> name of each product that is not withdrawn; a folder's is its list of files'."""
    return {file.md5: f"{file.path} of run {run.id}" for file in _here(run)}


def contents(cache: Path, run: Record) -> dict[str, str]:
    """Digest -> name of each file in the folders among the products."""
    found = {}
    for made in (one for one in _here(run) if one.md5.endswith(".dir")):
        listed = dvc_cache.names(cache, made.md5, f"{made.path} of run {run.id}")
        found |= {md5: f"{made.path}/{file} of run {run.id}" for file, md5 in listed.items()}
    return found


def _here(run: Record) -> list[File]:
    return [file for file in run.products if file.md5 and file.path not in run.gone]


def claim(run: Record, store: Remote) -> None:
    """Take the run's id in the store. Raises `BadInput` if another run has it, or if the store
    knows of a withdrawal that this machine has not carried out."""
    mine = run.model_copy(update={"pid": 0, "unsent": "", "remote": ""})
    if run_claims.take(store.url, run.id, mine.model_dump_json(indent=2)):
        return
    other = read(store, run.id)
    if other is None or identity(other) != identity(run):
        wrong = f"another run claims this id at {store.url}"
        raise BadInput(f"run {run.id}", wrong, "repeat the run: it then has an id of its own")
    if lost := sorted(other.gone - run.gone):
        wrong = f"{', '.join(lost)} were withdrawn at {store.url}"
        remedy = f"`git pull`, then `touchline impact` of what {FILE} names, with --apply, here too"
        raise BadInput(f"run {run.id}", wrong, remedy)


def identity(run: Record) -> tuple[str, ...]:
    """What two records of the same run have in common, and those of two runs have not."""
    digests = sorted(f"{file.path} {file.md5}" for file in run.products)
    return (run.id, run.started, run.commit, run.difference, *digests)


def known(root: Path, wanted: str, store: Remote) -> Record:
    """The run by git's refs or this checkout's records, else by the store's record of this id."""
    try:
        return record.find(root, wanted)
    except BadInput as fault:
        found = read(store, wanted) if record.ID.fullmatch(wanted) else None
        if found is None:
            remedy = "`git fetch origin 'refs/runs/*:refs/runs/*'`, or give the whole id"
            raise BadInput(fault.place, fault.wrong, remedy) from None
    record.write(root, found)
    return found


def read(store: Remote, id: str) -> Record | None:
    """The store's record of a run; a `BadInput` where it is damaged."""
    text = run_claims.read(store.url, id)
    try:
        found = Record.model_validate_json(text) if text is not None else None
    except ValidationError:
        wrong = f"its record at {store.url} is damaged"
        raise BadInput(f"run {id}", wrong, "fetch the run with git: refs/runs/*") from None
    if found is not None and found.id != id:
        raise BadInput(f"run {id}", f"its record at {store.url} says {found.id}", "remove it there")
    return found
