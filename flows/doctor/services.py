"""What a run talks to: the store, Prefect, MLflow, and the credentials that sources ask for."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import Finding, ok
from flows.lineage import schema
from flows.runs import overrides
from flows.services import prefect_server, secrets
from flows.store import remote, run_claims
from flows.tracking import mlflow_health
from touchline.errors import BadInput

# Credentials by source; any of a group will do.
ASKED = {"soccernet": ("HF_TOKEN", "SOCCERNET_PASSWORD"), "s3": ("AWS_ACCESS_KEY_ID",)}
PATIENCE = 2.0  # seconds for a database that somebody writes to


def look(root: Path, full: bool) -> Iterator[Finding]:
    yield store()
    yield block(root)
    yield from credentials(root)
    yield prefect(root)
    yield mlflow(root)


def store() -> Finding:
    """The shared store answers. Its address holds no key."""
    try:
        found = remote.named()
        if found is None:
            return ok("store", "none is named (TOUCHLINE_REMOTE)")
        run_claims.reach(found.url)
    except BadInput as fault:
        return Finding("store", "broken", f"{fault.place}: {fault.wrong}", fault.remedy)
    return ok("store", f"{found.url} answers")


def block(root: Path) -> Finding:
    """The block of credentials can be read; its values are not shown."""
    if not os.environ.get(secrets.VARIABLE):
        return ok("secrets", "from the environment")
    try:
        names = secrets.load(root / ".touchline")
    except BadInput as fault:
        return Finding("secrets", "broken", f"{fault.place}: {fault.wrong}", fault.remedy)
    return ok("secrets", f"the block gives {', '.join(names) or 'nothing that was not set'}")


def credentials(root: Path) -> Iterator[Finding]:
    """Of the sources in params.yaml and of a served teacher: whether they are set, never what."""
    params = overrides.read(root / "params.yaml")
    sources = (params.get("download") or {}).get("sources") or {}
    for source in sources:
        if names := ASKED.get(source):
            yield _set(source, names)
    distill = params.get("distill") or {}
    endpoint = (distill.get("served") or {}).get("endpoint") or {}
    if distill.get("teacher") == "served" and endpoint.get("key"):
        yield _set("teacher", (endpoint["key"],))


def _set(who: str, names: tuple[str, ...]) -> Finding:
    there = [name for name in names if os.environ.get(name)]
    if there:
        return ok("credentials", f"{who}: {there[0]} is set")
    wrong = f"{who} asks for {' or '.join(names)}, and none is set"
    return Finding(
        "credentials", "warning", wrong, f"set it, or name a block in {secrets.VARIABLE}"
    )


def prefect(root: Path) -> Finding:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return _answers("prefect", url, f"{url.rstrip('/')}/health")
    given = os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL", "")
    if given and not given.startswith("sqlite"):
        return _connects("prefect", given)
    return _sound("prefect", root / ".touchline" / "prefect" / "prefect.db")


def mlflow(root: Path) -> Finding:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith("http"):
        return _answers("mlflow", uri, f"{uri.rstrip('/')}/health")
    if uri.startswith("sqlite:///"):
        return _sound("mlflow", Path(uri.removeprefix("sqlite:///")))
    return _connects("mlflow", uri)


def _answers(about: str, url: str, health: str) -> Finding:
    shown = mlflow_health.shown(url)
    if prefect_server.answers(health):
        return ok(about, f"{shown} answers")
    return Finding(
        about, "broken", f"{shown} does not answer", "start the server, or unset its name"
    )


def _sound(about: str, file: Path) -> Finding:
    """SQLite's own quick check of a database file."""
    if not file.is_file():
        return ok(about, "no database yet; the first run makes it")
    try:
        with schema.open_read_only(file, PATIENCE) as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return Finding(about, "warning", f"{file}: {error}", "somebody writes to it: look again")
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said == "ok":
        return ok(about, f"{file.name} is sound ({file.stat().st_size / 2**20:.0f} MiB)")
    remedy = "restore it from a backup, or move it away: runs are in git, not only there"
    return Finding(about, "broken", f"{file} is damaged: {said}", remedy)


def _connects(about: str, url: str) -> Finding:
    from sqlalchemy.engine import make_url

    if why := mlflow_health.database(url, "postgresql+psycopg"):
        remedy = "see whether PostgreSQL runs, and its address and password"
        return Finding(about, "broken", f"its database cannot be reached ({why})", remedy)
    address = make_url(url)
    where = f"{address.host}:{address.port or 5432}/{address.database}"
    return ok(about, f"PostgreSQL at {where} answers")
