"""Doctor checks of services: shared store, Prefect, MLflow, and the credentials that
sources need.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.finding import DoctorFinding, report_ok
from flows.lineage import schema
from flows.runs import overrides
from flows.services import prefect_server, secrets
from flows.store import remote, run_claims
from flows.tracking import mlflow_health
from touchline.errors import InputError

# Credentials by source; any of a group will do.
CREDENTIALS_BY_SOURCE = {
    "soccernet": ("HF_TOKEN", "SOCCERNET_PASSWORD"),
    "s3": ("AWS_ACCESS_KEY_ID",),
}
SQLITE_TIMEOUT = 2.0  # seconds for a database that somebody writes to


def examine_services(root: Path, full: bool) -> Iterator[DoctorFinding]:
    """Check the shared store, the Prefect secret block, credentials, Prefect and MLflow."""
    yield check_remote_store()
    yield check_secret_block(root)
    yield from check_source_credentials(root)
    yield check_prefect_service(root)
    yield check_mlflow_service(root)


def check_remote_store() -> DoctorFinding:
    """Check that the shared store answers."""
    try:
        remote_store = remote.get_remote_store()
        if remote_store is None:
            return report_ok("store", "none is named (TOUCHLINE_REMOTE)")
        run_claims.ping_store(remote_store.url)
    except InputError as fault:
        return DoctorFinding("store", "broken", f"{fault.place}: {fault.wrong}", fault.remedy)
    return report_ok("store", f"{remote_store.url} answers")


def check_secret_block(root: Path) -> DoctorFinding:
    """Check that the Prefect secret block can be read; values are not printed."""
    if not os.environ.get(secrets.SECRETS_VARIABLE):
        return report_ok("secrets", "from the environment")
    try:
        names = secrets.load_secrets(root / ".touchline")
    except InputError as fault:
        return DoctorFinding("secrets", "broken", f"{fault.place}: {fault.wrong}", fault.remedy)
    return report_ok("secrets", f"the block gives {', '.join(names) or 'nothing that was not set'}")


def check_source_credentials(root: Path) -> Iterator[DoctorFinding]:
    """Check that the credentials for the sources in params.yaml and for a served teacher are set;
    values are not printed.
    """
    params = overrides.read_yaml_mapping(root / "params.yaml")
    sources = (params.get("download") or {}).get("sources") or {}
    for source in sources:
        if names := CREDENTIALS_BY_SOURCE.get(source):
            yield _check_variables(source, names)
    distill = params.get("distill") or {}
    endpoint = (distill.get("served") or {}).get("endpoint") or {}
    if distill.get("teacher") == "served" and endpoint.get("key"):
        yield _check_variables("teacher", (endpoint["key"],))


def _check_variables(user: str, names: tuple[str, ...]) -> DoctorFinding:
    set_names = [name for name in names if os.environ.get(name)]
    if set_names:
        return report_ok("credentials", f"{user}: {set_names[0]} is set")
    problem = f"{user} asks for {' or '.join(names)}, and none is set"
    return DoctorFinding(
        "credentials", "warning", problem, f"set it, or name a block in {secrets.SECRETS_VARIABLE}"
    )


def check_prefect_service(root: Path) -> DoctorFinding:
    """Check the Prefect server, its PostgreSQL database or its SQLite file, whichever is
    configured.
    """
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return _check_http("prefect", url, f"{url.rstrip('/')}/health")
    database_url = os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL", "")
    if database_url and not database_url.startswith("sqlite"):
        return _check_postgresql("prefect", database_url)
    return _check_sqlite("prefect", root / ".touchline" / "prefect" / "prefect.db")


def check_mlflow_service(root: Path) -> DoctorFinding:
    """Check the MLflow server, its PostgreSQL database or its SQLite file, whichever
    is configured.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith("http"):
        return _check_http("mlflow", uri, f"{uri.rstrip('/')}/health")
    if uri.startswith("sqlite:///"):
        return _check_sqlite("mlflow", Path(uri.removeprefix("sqlite:///")))
    return _check_postgresql("mlflow", uri)


def _check_http(about: str, url: str, health: str) -> DoctorFinding:
    safe_url = mlflow_health.hide_url_credentials(url)
    if prefect_server.is_url_answering(health):
        return report_ok(about, f"{safe_url} answers")
    return DoctorFinding(
        about, "broken", f"{safe_url} does not answer", "start the server, or unset its name"
    )


def _check_sqlite(about: str, file: Path) -> DoctorFinding:
    """Run SQLite's quick_check on a database file."""
    if not file.is_file():
        return report_ok(about, "no database yet; the first run makes it")
    try:
        with schema.open_read_only(file, SQLITE_TIMEOUT) as db:
            result = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return DoctorFinding(
            about, "warning", f"{file}: {error}", "somebody writes to it: look again"
        )
    except sqlite3.DatabaseError as error:
        result = str(error)
    if result == "ok":
        return report_ok(about, f"{file.name} is sound ({file.stat().st_size / 2**20:.0f} MiB)")
    remedy = "restore it from a backup, or move it away: runs are in git, not only there"
    return DoctorFinding(about, "broken", f"{file} is damaged: {result}", remedy)


def _check_postgresql(about: str, url: str) -> DoctorFinding:
    from sqlalchemy.engine import make_url

    if failure := mlflow_health.find_database_failure(url, "postgresql+psycopg"):
        remedy = "see whether PostgreSQL runs, and its address and password"
        return DoctorFinding(about, "broken", f"its database cannot be reached ({failure})", remedy)
    address = make_url(url)
    location = f"{address.host}:{address.port or 5432}/{address.database}"
    return report_ok(about, f"PostgreSQL at {location} answers")
