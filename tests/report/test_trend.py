"""The page over nights: what it says, that it says it safely, and where its points stand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from flows.nightly.record import NightCandidate, NightRecord
from flows.nightly.trend import build_night_trend
from flows.runs.run_model import RunModel
from touchline.report.trend import HEIGHT, write_trend_page

TASKS = {"spotting": "f1", "counting": "accuracy", "choice": "accuracy"}
RULES = ("floors", "sports", "better", "ledger", "licence", "sight")


def estimate(value: float, half: float = 0.06) -> dict[str, float]:
    low, high = max(0.0, value - half), min(1.0, value + half)
    return {"value": value, "low": low, "high": high, "n": 40}


def candidate(name: str, skill: float) -> NightCandidate:
    model = RunModel(name=name, run=name.split("/")[0], path="data/rl", md5=f"{name}.dir")
    scores = {
        task: {metric: estimate(skill - 0.08 * at)}
        for at, (task, metric) in enumerate(TASKS.items())
    }
    return NightCandidate(model=model, answers=name, scores=scores, overall=estimate(skill - 0.08))


def judged(one: NightCandidate, failed: list[str]) -> NightCandidate:
    one.rulings = [
        {"rule": rule, "holds": rule not in failed, "why": f"what {rule} found"} for rule in RULES
    ]
    one.promoted, one.decision = not failed, "decided"
    return one


def history(count: int = 30) -> list[NightRecord]:
    """Made-up nights for tests: a slow rise, a fall, a failure, days that are missing."""
    random, began = Random(7), datetime(2026, 1, 1, 2, tzinfo=UTC)
    nights: list[NightRecord] = []
    champion, best = None, 0.0
    for at in range(count):
        started = began + timedelta(days=at + (4 if at > 12 else 0))
        skill = 0.45 + 0.012 * at + random.gauss(0, 0.015) - (0.18 if at in (19, 20) else 0)
        newest = candidate(f"run{at:02d}/rl", skill)
        night = NightRecord(
            id=f"{started:%Y%m%d-%H%M%S}-{at:04x}",
            state="completed",
            started=started.isoformat(),
            ended=started.isoformat(),
            benchmark={"run": "run00", "digest": "b" if at < 24 else "c", "questions": 143,
                       "matches": 14},
            newest=newest.model.name,
            floors={"floor.constant": floor(0.2), "floor.keyword": floor(0.31)},
            page=f"pages/{at}.html",
        )  # fmt: skip
        if at == 9:
            night.state, night.error, night.candidates = "failed", "frames are not here; fetch", {}
            nights.append(night)
            continue
        if champion is not None:
            night.champion = champion.model
            night.candidates[champion.model.name] = champion.model_copy(
                update={"promoted": False, "decision": "", "rulings": [], "verdicts": []}
            )
        night.candidates[newest.model.name] = newest
        better = skill > best + 0.08
        judged(newest, [] if better else ["better"])
        if at in (19, 20):
            newest.regression = (
                f"{newest.model.name}: worse than the champion by 0.18 (0.10 to 0.26)"
            )
            newest.verdicts = [f"{newest.regression} on 14 matches."]
        if better:
            champion, best = newest, skill
        night.sentence = f"2 models answered 143 questions; {newest.model.name} was asked"
        nights.append(night)
    return nights


def floor(value: float) -> dict:
    return {task: {metric: estimate(value, 0.04)} for task, metric in TASKS.items()}


def test_the_page_tells_champions_refusals_failures_gaps_and_links(tmp_path: Path):
    file = tmp_path / "trend.html"
    write_trend_page(file, build_night_trend(history()))
    text = file.read_text()
    for words in (
        "★",
        "○",
        "▼",
        "✕",
        "5 days without a night",
        "new benchmark",
        "what better found",
        'href="pages/29.html"',
        "frames are not here; fetch",
        "because of better",
        "worse than the champion by 0.18",
        "floor keyword",
        "Mean over tasks",
    ):
        assert words.lower() in text.lower(), words  # fmt: skip
    assert "http" not in text.replace("http-equiv", "")


def test_names_and_sentences_of_others_are_never_markup(tmp_path: Path):
    nights = history(3)
    nights[-1].sentence = "<script>alert(1)</script>"
    write_trend_page(tmp_path / "trend.html", build_night_trend(nights))
    assert "<script>alert(1)" not in (tmp_path / "trend.html").read_text()


@pytest.mark.parametrize("count", [0, 1, 2, 365])
def test_any_number_of_nights_is_drawn_within_the_plot(tmp_path: Path, count: int):
    told = build_night_trend(history(count))
    write_trend_page(tmp_path / "trend.html", told)
    text = (tmp_path / "trend.html").read_text()
    assert ("no night yet" in text) == (count == 0)
    assert len(told.rows) == count
    assert all(0 <= float(y) <= HEIGHT for y in _heights(text))


def _heights(text: str) -> list[str]:
    return [part.split('"')[0] for part in text.split('cy="')[1:]]


def test_a_night_that_goes_on_is_not_drawn():
    nights = history(4)
    nights[-1].state = "running"
    assert len(build_night_trend(nights).rows) == 3
