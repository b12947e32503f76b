"""A PostgreSQL of its own on the loopback, whose words sort as people sort them, not as bytes."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from flows.services.prefect_server import find_free_port

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
SORTED = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
QUICK = ("fsync=off", "autovacuum=off", "max_connections=50", "shared_buffers=16MB")


@dataclass(frozen=True)
class Postgres:
    """A server that is up; `folder` is where its files lie."""

    port: int
    user: str
    folder: Path

    def url(self, database: str, driver: str = "postgresql+psycopg") -> str:
        """The address of a database, with its password."""
        return f"{driver}://{self.user}:topsecret@127.0.0.1:{self.port}/{database}"

    def make(self, *databases: str) -> None:
        with psycopg.connect(self.url("postgres", "postgresql"), autocommit=True) as db:
            for name in databases:
                db.execute(
                    psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
                )


def program(name: str) -> str:
    """A program of PostgreSQL 15 or later; where there is none, the test is skipped."""
    found = [path for place in PLACES for path in Path("/").glob(f"{place[1:]}/{name}")]
    here = str(sorted(found)[-1]) if found else shutil.which(name)
    if not here:
        pytest.skip(f"no {name} here: install PostgreSQL 15 (apt-get install postgresql)")
    return here


@contextmanager
def postgres(user: str = "touchline") -> Iterator[Postgres]:
    """Start it in a folder that is gone afterwards, with checked passwords."""
    initdb, server, ready = program("initdb"), program("postgres"), program("pg_isready")
    folder = Path(tempfile.mkdtemp(prefix="touchline-postgres-"))
    who = _owner(folder)
    secret = folder / "password"
    secret.write_text("topsecret\n")
    secret.chmod(0o644)  # the folder is closed to others
    data, port = folder / "data", find_free_port()
    asked = ["--pgdata", str(data), "--username", user, "--pwfile", str(secret), "--no-sync"]
    asked += ["--auth=scram-sha-256", *SORTED]
    subprocess.run([initdb, *asked], check=True, capture_output=True, cwd=folder, **who)
    tuned = [word for one in QUICK for word in ("-c", one)]
    command = [server, "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    with (folder / "log").open("w") as log:
        job = subprocess.Popen([*command, *tuned], stdout=log, stderr=log, cwd=folder, **who)
    try:
        asked = [ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "postgres"]
        subprocess.run(["timeout", "60", "sh", "-c", 'until "$@"; do sleep 0.1; done', "-", *asked],
                       check=True)  # fmt: skip
        yield Postgres(port, user, data)
    finally:
        job.send_signal(signal.SIGINT)  # without waiting for clients
        job.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> dict[str, str]:
    """PostgreSQL refuses to run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return {}
    try:
        shutil.chown(folder, "postgres")
    except LookupError:
        pytest.skip(f"PostgreSQL does not run as {getpass.getuser()}, and no user is `postgres`")
    return {"user": "postgres"}
