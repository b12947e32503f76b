"""What is heard of a stage: its lines, its progress, its one clear sentence."""

from pathlib import Path

import pytest

from flows.retrain.stage_process import StageOutputParser
from touchline.progress import ProgressLine


@pytest.fixture
def heard() -> list[tuple[str, ProgressLine | None]]:
    return []


@pytest.fixture
def ear(tmp_path: Path, heard: list[tuple[str, ProgressLine | None]]) -> StageOutputParser:
    return StageOutputParser(
        "sft", tmp_path / "run.log", lambda text, line: heard.append((text, line))
    )


def test_the_words_of_dvc_and_foreign_bars_are_left_out(
    ear: StageOutputParser, heard: list
) -> None:
    for line in (
        "Running stage 'sft':",
        "> python -m stages.sft",
        "Loading:   0%|   | 0/85 [00:00<?, ?it/s]\rLoading: 100%|██| 85/85 [00:00<00:00, 47it/s]",
        " 17%|█▋   | 1/6 [00:06<00:33,  6.80s/it]sft 2/6 33% 0:26 left 0:52",
        "the loss is [low]",
        "Updating lock file 'dvc.lock'",
    ):
        ear(line)
    assert heard == [
        ("sft 2/6 33% 0:26 left 0:52", ProgressLine("sft", 2, 6, 33)),
        ("the loss is [low]", None),
    ]
    assert ear.fate == "Ran"
    assert "[sft] Updating lock file" in Path(ear.log.name).read_text()


@pytest.mark.parametrize(
    ("lines", "status", "sentence"),
    [
        (
            ["error: data/x.json: is empty; correct it", "ERROR: failed: exited with 1"],
            255,
            "data/x.json: is empty; correct it",
        ),
        (["Traceback:", "ValueError: 3", "ERROR: failed: exited with 1"], 255, "ValueError: 3"),
        (
            ["Killed", "ERROR: failed: exited with 137"],
            255,
            "killed by signal 9, memory may have run out",
        ),
        (["ERROR: failed: exited with -15"], 255, "killed by signal 15"),
        (["step 3"], 137, "killed by signal 9, memory may have run out"),
        (["ERROR: disk quota exceeded"], 255, "disk quota exceeded"),
    ],
)
def test_a_failure_is_one_sentence(
    ear: StageOutputParser, lines: list[str], status: int, sentence: str
) -> None:
    for line in lines:
        ear(line)
    assert ear.failure_reason(status) == sentence
