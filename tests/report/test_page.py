"""The report is one offline file that says plainly what the models can do."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = '</p><script>alert(1)</script><img src=//evil.example/x onerror="alert(2)">'


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_points_to_nothing_but_the_player_beside_it(page: str):
    for _, attributes in Tags(page).found:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert re.match(r"(#|data:|player\.html$|$)", attributes.get(name) or "")
    assert set(re.findall(r"url\((\w+:)", page)) == {"data:"}
    assert not re.search(r"@import|https?://|fetch\(|XMLHttpRequest|WebSocket", page)


def test_what_a_model_says_is_never_markup(evaluation: Any, tmp_path: Path):
    hostile = [
        replace(
            row,
            answer=HOSTILE,
            messages=json.dumps([{"role": "assistant", "content": HOSTILE}]),
        )
        for row in evaluation.answers["rl"]
    ]
    evaluation.answers["rl"] = hostile
    page = evaluation.write(tmp_path / "report.html")
    assert "&lt;script&gt;alert(1)" in page
    tags = Tags(page).found
    assert [tag for tag, _ in tags].count("script") == 1
    assert "img" not in {tag for tag, _ in tags}
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)


def test_the_same_answers_give_the_same_bytes(evaluation: Any, page: str, tmp_path: Path):
    assert page == evaluation.write(tmp_path / "report.html")
    assert len(page) < 5_000_000


def test_the_page_says_that_a_model_is_above_its_floors(page: str):
    assert re.search(r'class="lead">SFT is above its best floor in [^<]*choice', page)


def test_the_page_says_plainly_that_a_blind_model_learned_nothing(evaluation: Any, tmp_path: Path):
    blind = evaluation.answers["floor.constant"]
    evaluation.answers["sft"] = [replace(row, author="sft") for row in blind]
    page = evaluation.write(tmp_path / "report.html")
    assert "SFT is above its floors in no task: it has learned nothing that shows." in page


def test_one_match_alone_never_proves_a_model(evaluation: Any, tmp_path: Path):
    for id, question in evaluation.questions.items():
        evaluation.questions[id] = replace(question, match="the only one")
    page = evaluation.write(tmp_path / "report.html")
    assert "SFT is not clearly above its floors in any task." in page
    assert "all from one match" in page


def test_every_number_is_in_the_table_with_its_interval_and_n(evaluation: Any, page: str):
    for tasks in evaluation.scores()["candidates"].values():
        for metrics in tasks.values():
            for metric, found in metrics.items():
                assert f"<td>{metric}</td>" in page
                assert f"n {found['n']}</small>" in page
                assert found["low"] <= found["value"] <= found["high"]


def test_clips_changed_by_rl_are_shown_and_strips_name_their_times(page: str):
    shown = re.findall(r'data-task="(\w+)" data-why="(\w+)"', page)
    assert {task for task, _ in shown} == {"spotting", "counting", "choice", "open"}
    assert {"better", "worse", "right"} <= {why for _, why in shown}
    assert 'aria-label="frame at 0:03"' in page
    assert "choose_frames" in page


def test_a_clip_under_nda_shows_times_but_no_picture(evaluation: Any, tmp_path: Path):
    evaluation.clips = {id: replace(clip, terms="nda") for id, clip in evaluation.clips.items()}
    page = evaluation.write(tmp_path / "report.html")
    assert "data:image" not in page
    assert "withheld: NDA at 0:03" in page


def test_a_report_without_any_model_or_log_still_opens(evaluation: Any, tmp_path: Path):
    floors = {n: rows for n, rows in evaluation.answers.items() if n.startswith("floor.")}
    evaluation.answers, evaluation.logs = floors, {}
    assert "No model was evaluated." in evaluation.write(tmp_path / "report.html")


def test_times_far_outside_the_clip_stay_on_the_timeline(evaluation: Any, tmp_path: Path):
    wild = "A foul occurs at (50:00, 90:00)."
    rows = [replace(row, answer=wild) for row in evaluation.answers["rl"]]
    evaluation.answers["rl"] = rows
    page = evaluation.write(tmp_path / "report.html")
    places = re.findall(r'<i class="\w+" style="left:([\d.-]+)%;width:([\d.-]+)%"', page)
    assert places
    assert all(0 <= float(left) <= 100 and float(width) <= 100 for left, width in places)


FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-sync", "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom",
)  # fmt: skip


def opened(page: Path, folder: Path) -> tuple[str, list[str]]:
    """What Chromium makes of a page, and what the page (not the browser) asked the network for."""
    log = folder / "net.json"
    where = [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", page.as_uri()]
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, *where], capture_output=True, text=True, timeout=120, check=True
    )
    params = [e.get("params", {}) for e in json.loads(log.read_text(encoding="utf-8"))["events"]]
    own = [p["url"] for p in params if "file://" in p.get("network_isolation_key", "")]
    return done.stdout, [url for url in own if not url.startswith(("file:", "data:"))]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_opens_it_runs_its_script_and_asks_for_nothing(evaluation: Any, tmp_path: Path):
    evaluation.write(tmp_path / "report.html")
    dom, asked = opened(tmp_path / "report.html", tmp_path)
    assert re.search(r"(\d+) of \1 clips", dom)
    assert asked == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_check_above_sees_a_page_that_does_ask(tmp_path: Path):
    page = tmp_path / "asking.html"
    page.write_text('<img src="http://example.test/x.png">', encoding="utf-8")
    assert opened(page, tmp_path)[1]
