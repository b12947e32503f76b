"""The services of docker/compose.yaml as commands of this machine, read out of the file itself.

Names of services become the loopback, their ports free ones, folders of the images folders of a
test; all the rest is what the file says, so that what runs here cannot drift from it.
"""

import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.services.prefect_server import find_free_port

FILE = Path(__file__).parents[2] / "docker" / "compose.yaml"
ASKED = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
HOSTS = ("postgres", "store", "prefect", "mlflow")


def interpolated(value: Any, given: Mapping[str, str]) -> Any:
    """A value of the file with its `${NAME:-default}` and `${NAME:?reason}` filled in."""
    if isinstance(value, dict):
        return {key: interpolated(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, given) for one in value]
    return ASKED.sub(lambda hit: _filled(hit, given), value) if isinstance(value, str) else value


def _filled(hit: re.Match[str], given: Mapping[str, str]) -> str:
    if found := given.get(hit["name"], ""):
        return found
    assert hit["kind"] != "?", f"{hit['name']}: {hit['rest']}"
    return hit["rest"] or ""


def services(given: Mapping[str, str]) -> dict[str, Any]:
    return interpolated(YAML(typ="safe").load(FILE)["services"], given)


@dataclass
class Here:
    """This machine in place of the containers."""

    services: dict[str, Any]
    folders: dict[str, Path]  # of the images -> here; the longest name goes first
    ports: dict[str, int] = field(default_factory=dict)  # of the file -> here

    def port(self, number: str) -> int:
        return self.ports.setdefault(number, find_free_port())

    def text(self, given: str) -> str:
        """A word of the file as it is here."""
        if given.isdecimal() and int(given) > 1024:
            return str(self.port(given))
        host = "|".join([*HOSTS, "localhost", r"127\.0\.0\.1"])
        found = re.sub(
            rf"\b({host}):(\d{{4,5}})\b", lambda m: f"127.0.0.1:{self.port(m[2])}", given
        )
        found = found.replace("0.0.0.0", "127.0.0.1")
        for name, place in sorted(self.folders.items(), key=lambda one: -len(one[0])):
            found = re.sub(rf"(?<![\w./:]){re.escape(name)}(?=/|$|;)", str(place), found)
        return found

    def words(self, given: list[str]) -> list[str]:
        return [self.text(word) for word in given]

    def command(self, name: str) -> list[str]:
        one = self.services[name]
        return self.words([*one["entrypoint"], *one.get("command", [])])

    def environment(self, name: str) -> dict[str, str]:
        given = self.services[name].get("environment", {})
        return {key: self.text(str(value)) for key, value in given.items()}

    def check(self, name: str) -> list[str]:
        """The health check's command."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD", f"{name}: only commands without a shell are known here"
        return self.words(words)

    def healthy(
        self, name: str, job: subprocess.Popen | None, env: Mapping[str, str], patience: float
    ) -> None:
        """Return when the service's own health check passes."""
        until, said = time.monotonic() + patience, ""
        while time.monotonic() < until:
            done = subprocess.run(self.check(name), env=env, capture_output=True, text=True)
            if done.returncode == 0:
                return
            said = f"{done.stdout}{done.stderr}"[-500:]
            assert job is None or job.poll() is None, f"{name} ended: {said}"
            time.sleep(0.5)
        raise AssertionError(f"{name} is not healthy: {said}")
