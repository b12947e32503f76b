"""Average-mAP beside the package `SoccerNet`: the same numbers, at which fraction of the time.

Run from the project's root: `python -m benchmarks.average_map`. It writes made-up labels and
predictions of SoccerNet's form into a temporary folder, installs the package into an environment
there, lets both compute the loose and the tight metric, and puts the largest difference and the
CPU seconds into benchmarks/AVERAGE_MAP.md. The numbers of the tests in
tests/metrics/test_average_map.py are the package's, from the same games. Where the variable
TOUCHLINE_SOCCERNET_PYTHON names a Python that has the package, that one is asked and nothing is
installed; tests/metrics/test_official_package.py does the same for a few games.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from tests.metrics.made_up_games import CLASSES, Games, games, ours
from touchline.metrics.average_map import LOOSE_TOLERANCES, TIGHT_TOLERANCES, compute_average_maps

PACKAGE = "SoccerNet==0.2.0"
VARIABLE = "TOUCHLINE_SOCCERNET_PYTHON"
METRICS = {"loose": LOOSE_TOLERANCES, "tight": TIGHT_TOLERANCES, "at1": (1,)}
KINDS = {
    # seed, games, labels and predictions per game, distinct confidences
    "scattered confidences": (1, 8, 200, 900, 1000),
    "few games": (2, 2, 12, 30, 20),
    "equal confidences": (3, 4, 150, 300, 1),
    "crowded": (4, 1, 1500, 4000, 50),
    "the size of the test split": (5, 100, 225, 900, 1000),
}
FIELDS = {"all": "", "shown": "_visible", "unshown": "_unshown"}
OFFICIAL = """
import json, sys, time
from SoccerNet.Evaluation.ActionSpotting import evaluate
names, folder = json.loads(sys.argv[1]), sys.argv[2]
found = {}
for metric in ("loose", "tight", "at1"):
    began = time.process_time()
    given = evaluate(folder + "/labels", folder + "/predictions", metric=metric, dataset=None,
                     EVENT_DICTIONARY={name: i for i, name in enumerate(names)})
    found[metric] = {k: list(v) if hasattr(v, "__len__") else v for k, v in given.items()}
    found[metric]["cpu"] = time.process_time() - began
print(json.dumps(found, default=float))
"""


def write(folder: Path, made: Games) -> None:
    """Write the games as the package reads them."""
    for game, (annotations, predictions) in made.items():
        for kind, name, key, rows in (
            ("labels", "Labels-v2.json", "annotations", annotations),
            ("predictions", "results_spotting.json", "predictions", predictions),
        ):
            path = folder / kind / game / name
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"UrlLocal": game, key: rows}))


def official(made: Games, folder: Path, python: str | Path) -> dict[str, dict[str, Any]]:
    """What the package of that Python computes, per metric."""
    write(folder, made)
    command = [python, "-c", OFFICIAL, json.dumps(CLASSES), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def compared(made: Games, folder: Path, python: str | Path) -> tuple[float, float, float, float]:
    """The largest difference, both CPU times, and the loose Average-mAP."""
    theirs, (truths, guesses) = official(made, folder, python), ours(made)
    began = time.process_time()
    found = compute_average_maps(truths, guesses, CLASSES, METRICS)
    spent = time.process_time() - began
    largest = max(
        abs(one - other)
        for metric in METRICS
        for view, field in FIELDS.items()
        for one, other in zip(
            [found[metric][view].mean, *found[metric][view].per_name.values()],
            [theirs[metric]["a_mAP" + field], *theirs[metric]["a_mAP_per_class" + field]],
            strict=True,
        )
    )
    return largest, sum(m["cpu"] for m in theirs.values()), spent, theirs["loose"]["a_mAP"]


def prepared(folder: Path) -> str | Path:
    """A Python that has the package."""
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    env = folder / "env"
    venv.create(env, with_pip=True)
    pip = [env / "bin/python", "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "--no-deps", PACKAGE], check=True)
    subprocess.run([*pip, "numpy", "tqdm"], check=True)
    return env / "bin/python"


def main() -> None:
    lines = [
        "# Average-mAP: measured by `python -m benchmarks.average_map`", "",
        f"Against {PACKAGE}, loose, tight and at one second, over all, shown and unshown actions:",
        "the means and every class. CPU seconds, on our side without reading files;",
        "the package reads them once per metric.", "",
        "| made-up games | largest difference | CPU s, package | CPU s, ours | times faster"
        " | loose Average-mAP |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        python = prepared(Path(name))
        for number, (kind, settings) in enumerate(KINDS.items()):
            gap, theirs, own, value = compared(games(*settings), Path(name) / str(number), python)
            row = (kind, f"{gap:.1e}", f"{theirs:.2f}", f"{own:.3f}", f"{theirs / own:.0f}")
            lines.append(f"| {' | '.join(row)} | {value:.6f} |")
            print(lines[-1], file=sys.stderr)
    path = Path(__file__).parent / "AVERAGE_MAP.md"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
