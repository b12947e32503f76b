"""A project to be disturbed: its servers, its processes, and what must hold of it afterwards."""

import hashlib
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import psutil
from ruamel.yaml import YAML

from flows.runs import locks
from tests.endpoint.chaos import Server, server
from tests.flows.conftest import CARRIED, KEPT_OUT, REPOSITORY

MARK = "TOUCHLINE_CHAOS"  # in the environment of every process that a project starts
STAGES = ("bring", "teach", "train")
QUESTIONS, STEPS, BYTES = 12, 8, 300_000
SLOWLY = 5.0  # seconds that the supervisors of a killed flow may take; 2 where nobody else works
SIGNS = {  # how a process of a run is known by its command line
    "supervisor": "flows/runs/supervisor.py",
    "dvc": "-m dvc --wait-for-lock repro",
    "stage": "work.py",
    "server": "prefect server start",
    "engine": "-m prefect.engine",  # a run that a worker has begun
}
FULL, BARE = ("flows.cli", "retrain"), ("tests.chaos.bare",)
SECRET = "qz7secretqz7"  # what every secret in the environment of a project holds
SECRETS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}",
    "AWS_SECRET_ACCESS_KEY": f"aws/{SECRET}",
    "AWS_SESSION_TOKEN": f"session-{SECRET}",
    "HF_TOKEN": f"hf_{SECRET}",
    "OPENAI_API_KEY": f"sk-{SECRET}",
    "SOCCERNET_PASSWORD": f"{SECRET}!",
    "TOUCHLINE_ALERT_URL": f"https://127.0.0.1:9/hook?key={SECRET}",
}
INNER = ("dvc", "stage", "server")  # what a supervisor's own command line names as well


class Arena:
    """One project in a git checkout of its own."""

    def __init__(self, root: Path, teacher: Server, origin: str, api: str = "") -> None:
        self.root, self.teacher, self.origin, self.api = root, teacher, origin, api
        self.mark, self.extra = str(root), dict[str, str]()
        self.bare = False  # without Prefect and MLflow
        self.diary = root / ".touchline" / "diary"
        self.database = root / ".touchline" / "mlflow.db"

    def plant(self) -> None:
        shutil.copytree(Path(__file__).parent / "project", self.root)
        for name in CARRIED:
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(REPOSITORY / name, self.root / name)
        (self.root / ".gitignore").write_text(".touchline/\n__pycache__/\n")
        (self.root / ".touchline").mkdir()
        for command in ("init -q -b main", "config user.name toy", "config user.email toy@local",
                        "add -A", "commit -qm Toy"):  # fmt: skip
            subprocess.run(["git", *command.split()], cwd=self.root, check=True)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(KEPT_OUT)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PYTHONPATH": str(REPOSITORY), "PATH": path, MARK: self.mark}
        own |= {"CHAOS_TEACHER": self.teacher.url, "CHAOS_ORIGIN": self.origin}
        own |= {"CHAOS_DIARY": str(self.diary), **SECRETS}
        own |= {"PREFECT_API_REQUEST_TIMEOUT": "600"}  # the machine may be busy with other things
        return {**kept, **own, **({"PREFECT_API_URL": self.api} if self.api else {}), **self.extra}

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """A retrain."""
        return self.python(*(BARE if self.bare else FULL), *args)

    def python(self, *words: str) -> "subprocess.Popen[str]":
        """A module; what it says goes to a file, which nobody has to read for it to go on."""
        with (self.root / ".touchline" / "said").open("a") as said:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.root, env=self.environment(), stdout=said, stderr=said, text=True,
            )  # fmt: skip

    def prefect(self, *words: str) -> "subprocess.Popen[str]":
        return self.python("prefect", "--no-prompt", *words)

    def command(self, *words: str, patience: float = 600) -> int:
        """`touchline WORDS`; its exit status."""
        return self.python(FULL[0], *words).wait(patience)

    def retrain(self, *args: str, patience: float = 1800) -> int:
        return self.start(*args).wait(patience)

    def said(self) -> str:
        return (self.root / ".touchline" / "said").read_text()

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was started for this project."""
        mine = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                gone = process.status() == psutil.STATUS_ZOMBIE
                if not gone and process.environ().get(MARK) == self.mark:
                    mine.append(process)
        return mine

    def of(self, kind: str) -> list[psutil.Process]:
        """The processes of a kind that are alive: supervisor, dvc, stage or server."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                line = " ".join(process.cmdline())
                inner = kind in INNER and SIGNS["supervisor"] in line
                if SIGNS[kind] in line and not inner:
                    found.append(process)
        return found

    def survivors(self, seconds: float = SLOWLY) -> list[str]:
        until = time.monotonic() + seconds
        while self.processes() and time.monotonic() < until:
            time.sleep(0.05)
        return [" ".join(p.cmdline())[:120] for p in self.processes()]

    def digests(self) -> dict[str, str]:
        """{product: its digest by dvc.lock}."""
        file = self.root / "dvc.lock"
        stages = YAML(typ="safe").load(file)["stages"] if file.is_file() else {}
        return {out["path"]: out["md5"] for one in stages.values() for out in one["outs"]}

    def steps(self) -> int:
        return len(self.diary.read_text().splitlines()) if self.diary.is_file() else 0

    def records(self) -> list[dict]:
        files = sorted((self.root / ".touchline" / "runs").glob("*.json"))
        return [json.loads(file.read_text()) for file in files]

    def wrong(self, wanted: dict[str, str]) -> Iterator[str]:
        """Everything that must not be once a disturbed project is up to date again."""
        if self.digests() != wanted:
            yield f"digests differ: {self.digests()} instead of {wanted}"
        made = self.root / "data/model/weights"
        if not made.is_file() or made.read_text() != weights(self):
            yield "the model on the disk is not the one that the lessons give"
        if left := self.survivors():
            yield f"alive: {left}"
        if locks.read_lock_owner(self.root):
            yield "the lock is held"
        yield from (f"half-written: {p}" for p in self.root.rglob(".*.part"))
        folders = [p.name for p in (self.root / ".touchline/runs").glob("*") if p.is_dir()]
        yield from (f"worktree left: {name}" for name in folders)
        owed = [
            r for r in self.records() if r["state"] == "running" or (r["pid"] and not self.bare)
        ]
        yield from (f"record {r['id']} is {r['state']} and open" for r in owed)
        kept = list((self.root / ".touchline/checkpoints").glob("*/*"))
        yield from (f"checkpoint left: {path.name}" for path in kept)
        counts = self.teacher.counts()
        if not counts["bills"] == counts["keys"] == QUESTIONS:
            yield f"{counts['bills']} bills for {QUESTIONS} questions"
        yield from self.open_runs()
        yield from (f"a secret stands in {path}" for path in told(self.root))

    def open_runs(self) -> Iterator[str]:
        """Runs that MLflow or Prefect hold for running."""
        if self.database.is_file():
            with closing(sqlite3.connect(self.database)) as db:
                (count,) = db.execute("SELECT count(*) FROM runs WHERE status='RUNNING'").fetchone()
            if count:
                yield f"{count} runs are RUNNING in MLflow"
        for run in self.going() if self.api else ():
            yield f"flow run {run['name']} is {run['state_type']} in Prefect"

    def going(self) -> list[dict]:
        """Flow runs of this project, by the ids or the names of its records, that have no end."""
        records = self.records()
        known = {"any_": [one["flow_run"] for one in records if one["flow_run"]]}
        named = {"any_": [one["id"] for one in records]}
        state = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING", "SCHEDULED"]}}
        found = []
        for which in ({"id": known}, {"name": named}):
            asked = json.dumps({"flow_runs": {**which, "state": state}}).encode()
            request = urllib.request.Request(
                f"{self.api}/flow_runs/filter", asked, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request) as reply:
                found += json.load(reply)
        return found


def told(folder: Path) -> Iterator[Path]:
    """Files that hold a secret: logs, records, databases, products, and what git has packed."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if ".git/objects" in path.as_posix():
                with suppress(zlib.error):
                    data = zlib.decompress(data)
            if SECRET.encode() in data:
                yield path.relative_to(folder)


def weights(arena: Arena) -> str:
    """What the training makes of the lessons that lie on the disk."""
    lessons = arena.root / "data/lessons.json"
    state = lessons.read_text() if lessons.is_file() else ""
    for _ in range(STEPS):
        state = hashlib.sha256(state.encode()).hexdigest()
    return state


@contextmanager
def arena(
    folder: Path, name: str, origin: str, api: str = "", bare: bool = False
) -> Iterator[Arena]:
    """A fresh project with a teacher of its own, who has billed nothing yet.

    Its MLflow database is a copy of the undisturbed project's, if there is one: making one takes
    longer than a run, and any other project may be at work.
    """
    first = folder / "undisturbed" / ".touchline" / "mlflow.db"
    with server("--latency", "0.1", "--slots", "8") as teacher:
        made = Arena(folder / name, teacher, origin, api)
        made.plant()
        made.bare = bare
        if first.is_file():
            shutil.copy(first, made.root / ".touchline")
        try:
            yield made
        finally:
            for process in made.processes():
                process.kill()


@contextmanager
def origin(folder: Path) -> Iterator[str]:
    """The address of a film."""
    folder.mkdir(parents=True)
    (folder / "film.bin").write_bytes(Random(7).randbytes(BYTES))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}/film.bin"
        one.shutdown()
