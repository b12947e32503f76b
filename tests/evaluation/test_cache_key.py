"""The key of a cached answer covers the code and prompts that ask, and nothing that only scores."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, lies_under, list_code_deps
from touchline.evaluation.cache_key import list_answer_files
from touchline.evaluation.candidates import CANDIDATE_KINDS

ASKING = (
    "chat/prompts/commentary.txt",
    "chat/prompts/spotting-paper/commentary.txt",
    "chat/prompts/tool_call.txt",
    "chat/prompts/instructions.txt",
    "chat/messages.py",
    "chat/commentary.py",
    "chat/dialogue.py",
    "chat/tools/choose_frames.py",
    "evaluation/candidates/model.py",
    "evaluation/candidates/prompts/listening.txt",
    "evaluation/test_set.py",
    "model/generate.py",
    "video/frame_store.py",
)
SCORING = (
    "evaluation/floors.py",
    "evaluation/judge/grade.txt",
    "evaluation/scoring.py",
    "evaluation/candidates/endpoint.py",
    "html_page/style.css",
    "metrics/scores.py",
    "report/bars.py",
    "report/report.html",
    "sports/soccer.py",
    "tasks/score.py",
    "teacher/prompts/judge_answer.txt",
    "records/rollout.py",
    "errors.py",
    "atomic.py",
)
PROGRAM = """
import json, sys
from pathlib import Path
from touchline import import_graph
from touchline.evaluation import cache_key
from touchline.evaluation.candidates import CANDIDATE_KINDS

def digest():
    for cached in (cache_key._digest_code, import_graph.list_imports, import_graph._parse_file):
        cached.cache_clear()
    return cache_key._digest_code(CANDIDATE_KINDS["model"])

digests = {"": digest()}
for name in sys.argv[1:]:
    file = Path("touchline", name)
    before = file.read_text()
    file.write_text(before + "\\n# another letter")
    digests[name] = digest()
    file.write_text(before)
print(json.dumps(digests))
"""


def compute_digests(folder: Path, pipeline: bool) -> dict[str, str]:
    """The digest of the code behind a model's answers, in a copy of the library: as it is (""), and
    with one letter more in each file.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "touchline", folder / "touchline", ignore=ignored)
    if pipeline:
        shutil.copy(ROOT / "dvc.yaml", folder)
    command = [sys.executable, "-c", PROGRAM, *ASKING, *SCORING]
    env = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert not result.returncode, result.stderr
    return json.loads(result.stdout)


def test_a_letter_of_what_asks_asks_again_and_one_of_what_scores_does_not(tmp_path: Path):
    digests = compute_digests(tmp_path, pipeline=True)
    assert [name for name in ASKING if digests[name] == digests[""]] == []
    assert [name for name in SCORING if digests[name] != digests[""]] == []


def test_an_installation_without_dvc_yaml_notices_a_new_prompt(tmp_path: Path):
    digests = compute_digests(tmp_path, pipeline=False)
    assert [name for name in ASKING if digests[name] == digests[""]] == []


@pytest.mark.parametrize("kind", sorted(CANDIDATE_KINDS))
def test_what_decides_an_answer_is_a_dep_of_evaluate(kind: str):
    files = [path.relative_to(ROOT).as_posix() for path in list_answer_files(CANDIDATE_KINDS[kind])]
    assert "touchline/chat/prompts/commentary.txt" in files
    assert all(lies_under(file, list_code_deps("evaluate")) for file in files)
