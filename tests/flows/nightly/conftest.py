"""A project with a benchmark of forty matches, and models whose skill is known."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import mlflow
import pytest

from flows.nightly import ask, events, lineup, promote, session
from flows.nightly import score as nightly_score
from flows.nightly.answers import AnswersByAuthor
from flows.nightly.ask_process import MODEL
from flows.nightly.session import NightRequest, NightSession
from flows.runs.run_model import RunModel
from flows.services import environment
from tests.flows.nightly import project
from tests.frames import stored
from tests.world import RULES, question_of, scenes_of
from touchline import licence
from touchline.ledger import RowLedger
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.records.trajectory import Trajectory
from touchline.tasks import TASKS
from touchline.video.frame_store import get_frame_store_path

SPORTS = ("soccer",)
MATCHES = 40  # of each sport
BLANK = "floor.blank"
SPOKEN = '[{"role": "assistant"}]'
SIGHT = '{"proved": true, "steps": 8, "least": 0.01, "checks": [{"vision_used": 0.3}]}'


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the data stages of a run made: folders by name."""
    root = tmp_path_factory.mktemp("products")
    pairs = [
        (view, question_of(task, view, draft))
        for sport in SPORTS
        for view in scenes_of(sport)[:MATCHES]
        for task in ("spotting", "open")
        for draft in TASKS[task].ask(view, RULES, Random(view.clip.id))
    ]
    clips = {view.clip.id: view.clip for view, _ in pairs}
    test = [replace(question, split="test") for _, question in pairs]
    learnt = [replace(q, id=f"{q.id}-learnt", split="train") for q in test[:20]]
    write_records(root / "questions/questions.parquet", Question, [*test, *learnt])
    write_records(root / "clips/clips.parquet", Clip, clips.values())
    write_records(root / "captions/captions.parquet", Caption, [])
    _ledger(root / "questions/ledger.parquet", clips)
    first = None
    for clip in clips.values():
        file = get_frame_store_path(root / "frames", clip.video)
        if first is None:
            stored(file, seconds=160)
            first = file.read_bytes()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(first)
    return {name: root / name for name in ("clips", "captions", "questions", "frames")}


def _ledger(file: Path, rows: dict[str, Clip]) -> None:
    ledger = RowLedger(rows)
    for row in rows:
        ledger.split(row, "into questions")
    ledger.close(file)


class Nights:
    """A checkout with runs, and what one does there night by night; no server, no training."""

    def __init__(self, root: Path, products: dict[str, Path]) -> None:
        self.root, self.products, self.count = project.plant(root), products, 0

    def train(
        self,
        skill: float,
        blind: float = 0.0,
        seed: int = 0,
        sight: str = SIGHT,
        under: str = "open",
        answer: Callable[[Question], str] | None = None,
        params: dict | None = None,
    ) -> RunModel:
        """A run whose model answers right with chance `skill`, on black frames with `blind`."""
        self.count += 1
        folder = self.root / ".touchline" / "made" / str(self.count)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(f'{{"skill": {skill}, "n": {self.count}}}')
        (folder / "sight.json").write_text(sight) if sight else None
        licence.write_product_terms(folder, {"world": ("CC0-1.0", under)})
        run = project.run(
            self.root, f"2026110{self.count}-200000-aaaa", {**self.products, "rl": folder}, params
        )
        (model,) = lineup.list_run_models(self.root, run, ["rl"])
        self.scripts = getattr(self, "scripts", {}) | {
            model.md5: (skill, blind, seed or self.count, answer)
        }
        return model

    def night(self, request: NightRequest | None = None, judge: bool = True) -> NightSession:
        """One night, step by step as the flow takes them, with scripted models."""
        environment.prepare_environment(self.root)
        with session.open_night(self.root, request or NightRequest()) as going:
            promote.finish_decisions_locked(self.root)
            lineup.assemble_lineup(going)
            with events.emit_candidate_events(going, ask.FLOORS):
                nightly_score.score_floors(going, ask.answer_floors(going))
            for name, one in going.night.candidates.items():
                with events.emit_candidate_events(going, name):
                    nightly_score.score_candidate(going, name, self.answers(going, one.model))
            nightly_score.compare_night_candidates(going)
            for name in going.night.candidates if judge else []:
                promote.judge_challenger(going, name)
        return going

    def answers(self, going: NightSession, model: RunModel) -> AnswersByAuthor:
        """What a scripted model answers, and says on black frames."""
        skill, blind, seed, answer = self.scripts[model.md5]
        return {
            author: [
                said(author, question, chance, Random(f"{seed} {author} {question.id}"), answer)
                for question in going.pinned_benchmark.bench.split_questions
            ]
            for author, chance in ((MODEL, skill), (BLANK, blind))
        }


def said(
    author: str,
    question: Question,
    chance: float,
    random: Random,
    answer: Callable[[Question], str] | None,
) -> Trajectory:
    right = random.random() < chance
    text = answer(question) if answer else question.truth if right else "nothing of the kind"
    score = TASKS[question.task].score(text, question.truth)
    return Trajectory(
        f"{author}:{question.id}", question.id, author, question.split, question.sport,
        question.task, question.match, SPOKEN, text, score, True, [], 8,
    )  # fmt: skip


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables take seconds to make: made once, copied."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def nights(
    tmp_path: Path,
    products: dict[str, Path],
    empty_database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Nights]:
    for name, value in environment.build_default_environment(
        tmp_path / "project" / ".touchline"
    ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOUCHLINE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    made = Nights(tmp_path / "project", products)
    (made.root / ".touchline" / "mlflow.db").write_bytes(empty_database.read_bytes())
    mlflow.set_tracking_uri(f"sqlite:///{made.root / '.touchline' / 'mlflow.db'}")
    yield made
    mlflow.set_tracking_uri(None)
