"""`touchline ui`: both pages answer, tell the truth about killed runs, and go on Ctrl-C."""

import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from flows.services import prefect_server as serving
from tests.flows.conftest import Toy
from tests.listening import listening, open_to_others

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def addresses(ui: subprocess.Popen[str]) -> tuple[str, str]:
    """Of Prefect and MLflow, once both are up."""
    assert ui.stdout
    said = [ui.stdout.readline() for _ in range(3)]
    assert said[2].startswith("Ctrl-C")
    return said[0].split()[1], said[1].split()[1]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_both_pages_answer_and_no_process_stays(toy: Toy, sign: int) -> None:
    with toy.start("ui") as ui:
        prefect, tracking = addresses(ui)
        for page in (prefect, f"{prefect}/api/health", tracking):
            with urllib.request.urlopen(page, timeout=20) as reply:
                assert reply.status == 200
        assert serving.find_open_ui(toy.root / ".touchline") == f"{prefect}/api"
        places = listening(toy.processes())
        ports = {int(page.rsplit(":", 1)[1]) for page in (prefect, tracking)}
        assert ports <= {port for _, port in places} and open_to_others(places) == []
        ui.send_signal(sign)
        until = time.monotonic() + 2
        while toy.processes() and time.monotonic() < until:
            time.sleep(0.05)
        assert toy.processes() == []
    assert serving.find_open_ui(toy.root / ".touchline") is None


def test_a_deployment_is_accepted_and_a_worker_runs_it(toy: Toy) -> None:
    copy = "cp -r {0}/flows {0}/prefect.yaml . && git add -A && git commit -qm Flows"
    root = str(serving.__file__).rsplit("/flows/", 1)[0]
    subprocess.run(copy.format(root), shell=True, cwd=toy.root, check=True)
    with toy.start("ui") as ui:
        prefect, _ = addresses(ui)
        toy.api = f"{prefect}/api"
        env = {**toy.environment(), "PREFECT_HOME": str(toy.root / ".touchline" / "prefect")}
        for command in (
            "work-pool create local --type process",
            "deploy --all",
            "deployment run retrain/retrain --param stage=make",
            "worker start --pool local --run-once",
        ):
            argv = [sys.executable, "-m", "prefect", "--no-prompt", *command.split()]
            done = subprocess.run(
                argv,
                cwd=toy.root,
                env=env,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert "Finished in state Completed('1 ran, 0 restored, 0 unchanged')" in (
            done.stdout + done.stderr
        )
        ui.send_signal(signal.SIGINT)
    assert (toy.root / "data" / "rows" / "0.txt").is_file()
    assert toy.processes() == []
