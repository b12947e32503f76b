"""The player shows every turn with its frames, offline, and nothing that is withheld."""

import re
from dataclasses import asdict, replace
from pathlib import Path

from PIL.Image import Image, new

from tests.stages.training import clip
from tests.train.conftest import Taught, lessons
from touchline.records.rollout import Rollout
from touchline.report.player import ATTEMPTS_PER_KIND, pick_player_attempts, write_player_page


def rollout(taught: Taught, number: int, earned: float) -> Rollout:
    row = replace(taught.trajectory, id=f"rl:0:{number}", author="rl")
    return Rollout(
        **asdict(row), step=0, group=0, tokens=[], shown=[], ending="looked", direct=False,
        parts='{"accuracy": 1.0}', earned=earned, paid=earned,
    )  # fmt: skip


def page(path: Path, taught: list[Taught], withheld: tuple[str, ...] = ()) -> str:
    answers = {
        "sft": [replace(t.trajectory, score=0.0) for t in taught],
        "rl": [t.trajectory for t in taught],
    }
    rows = [rollout(one, n, 1.0 - n) for n, one in enumerate(taught)]

    def frame(clip: object, time: float) -> Image:
        return new("RGB", (64, 32), (int(time), 0, 0))

    write_player_page(
        path,
        questions={t.question.id: t.question for t in taught},
        clips={t.question.clip: clip(t.question) for t in taught},
        picked=pick_player_attempts(answers, rows, [t.trajectory for t in taught]),
        frames=frame,
        withheld=withheld,
    )
    return path.read_text()


def test_every_turn_is_there_with_its_frames_and_words(tmp_path: Path):
    taught = lessons(2)
    text = page(tmp_path / "player.html", taught)
    looked = max(taught, key=lambda one: len(one.trajectory.windows))
    assert text.count("data-film=") >= 3 * ATTEMPTS_PER_KIND
    assert f"Turn {len(looked.trajectory.windows) // 2 + 1}: Looked again" in text
    assert "better than before" in text and "best paid" in text and "lesson" in text
    assert "choose_frames 0:" in text
    assert not re.search(r"(src|href)=[\"']https?:", text)


def test_what_is_withheld_is_left_out_and_counted(tmp_path: Path):
    text = page(tmp_path / "player.html", lessons(1), withheld=("open",))
    assert "data-film=" not in text.split("<script>")[0]
    assert "Withheld: NDA." in text
    assert "choose_frames 0:" not in text


def test_words_of_a_model_are_never_markup(tmp_path: Path):
    (taught, *_) = lessons(1)
    bad = replace(taught.trajectory, answer="<script>alert(1)</script>")
    text = page(tmp_path / "player.html", [replace(taught, trajectory=bad)])
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_without_any_attempt_the_page_says_so(tmp_path: Path):
    assert pick_player_attempts({}, [], []) == []
    assert "There is no attempt to show." in page(tmp_path / "player.html", [])
