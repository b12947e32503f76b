"""A new entry of a catalogue is one new file and one line: added in a copy of the tree, the
catalogue tests there hold it to its room's promise.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]
COPIED = (
    *("touchline", "stages", "flows", "params.yaml", "pyproject.toml"),
    *("tests/conftest.py", "tests/world.py", "tests/test_catalogues.py"),
)
SPORT = """
from touchline.sports.sport import Sport

KABADDI = Sport(
    name="kabaddi",
    idle="waiting",
    words={"Raid": "raid", "Tackle": "tackle"},
    spotting_words=("raid", "tackle"),
    reach=2.0,
    keywords={"raid": ("raid",)},
)
"""
TASK = """
from touchline.tasks.task import QuestionDraft, Task


def draft_first_questions(scene, rules, random):
    actions = scene.actions_inside()
    asked = "Which action comes first?"
    return [QuestionDraft(asked, actions[0].word)] if actions else []


FIRST_ACTION = Task("first_action", draft_first_questions, lambda a, b: float(a == b != ""))
"""
SOURCE = """
from dataclasses import replace

from touchline.sources.tennis import E2E_TENNIS

KABADDI_CUP = replace(
    E2E_TENNIS, name="kabaddi_cup", sports=("kabaddi",), tasks=("first_action",)
)
"""
REWARD = """
def reward_brief_look(attempt, params):
    return float(len(attempt.windows) == 1)
"""
CANDIDATE = """
from typing import Literal

from touchline.evaluation.candidates.model import NamedModelCandidate


class PlainCandidate(NamedModelCandidate):
    kind: Literal["plain"]
"""
GATE_RULE = """
from flows.nightly.promotion_case import Ruling


def check_model_name(case, gate):
    return Ruling("named", bool(case.name), f"it is called {case.name}")
"""
# room, name of the file, its text, name of the catalogue, name of the entry
ADDED = (
    ("touchline.sports", "kabaddi", SPORT, "SPORTS", "KABADDI"),
    ("touchline.tasks", "first_action", TASK, "TASKS", "FIRST_ACTION"),
    ("touchline.sources", "kabaddi_cup", SOURCE, "SOURCES", "KABADDI_CUP"),
    ("touchline.train.rl.rewards", "brief", REWARD, "REWARD_PARTS", "reward_brief_look"),
    ("touchline.evaluation.candidates", "plain", CANDIDATE, "CANDIDATE_KINDS", "PlainCandidate"),
    ("flows.nightly.promotion_rules", "named", GATE_RULE, "PROMOTION_RULES", "check_model_name"),
)


def test_an_entry_added_by_one_file_and_one_line_passes_the_catalogue_tests(tmp_path: Path):
    for name in COPIED:
        _copy_part(TOP / name, tmp_path / name)
    for package, name, text, catalogue, entry in ADDED:
        room = tmp_path / package.replace(".", "/")
        (room / f"{name}.py").write_text(text, encoding="utf-8")
        line = f"from {package} import {name}; {catalogue}[{name!r}] = {name}.{entry}\n"
        with (room / "__init__.py").open("a", encoding="utf-8") as registry:
            registry.write(line)
    words = " or ".join(name for _, name, *_ in ADDED)
    names = ["-k", f"{words} or own_names or cover_six", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "tests/test_catalogues.py",
            *names,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def _copy_part(part: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    if part.is_dir():
        shutil.copytree(part, copy, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(part, copy)
