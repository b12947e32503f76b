"""Records as the stages make them, with candidates of known skill, and the pages they give."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image, ImageDraw

from touchline.chat.timecode import format_time
from touchline.chat.tools.choose_frames import build_frame_blocks, format_tool_call
from touchline.chat.turns import format_thinking_turn
from touchline.evaluation.floors import FLOORS, count_training_answers
from touchline.metrics.scores import MetricContext, build_score_report
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.report.page import write_evaluation_report
from touchline.sports import SPORTS
from touchline.tasks import TASKS, choice, spotting
from touchline.tasks.counting import parse_count
from touchline.tasks.open import format_action_list

SKILL = {"floor.blank": 0.15, "base": 0.05, "sft": 0.75, "rl": 0.85}
LENGTH = 60.0


@dataclass
class Evaluation:
    """All that `write_report` takes."""

    questions: dict[str, Question]
    clips: dict[str, Clip]
    answers: dict[str, list[Trajectory]]
    logs: dict[str, list[dict[str, Any]]]
    about: dict[str, dict[str, Any]]

    def scores(self) -> dict[str, Any]:
        numbers = {"counting": parse_count}
        judge = MetricContext(
            spotting.parse_intervals, 0.3, 7, numbers, self.clips, lambda clip: 0.0
        )
        return build_score_report(self.answers, self.questions, judge)

    def write(self, path: Path) -> str:
        write_evaluation_report(
            path,
            questions=self.questions,
            clips=self.clips,
            answers=self.answers,
            scores=self.scores(),
            frames=picture,
            logs=self.logs,
            about=self.about,
            withheld=("nda",),
        )
        return path.read_text(encoding="utf-8")


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluated(Random(7))


def evaluated(random: Random) -> Evaluation:
    clips, questions = [], []
    for sport, matches in (("soccer", 6), ("badminton", 4), ("basketball", 4)):
        for match in range(matches):
            for start in range(0, 120, 60):
                clips.append(_clip(sport, match, start))
                questions += _questions(clips[-1], random)
    by_clip, test = {c.id: c for c in clips}, [q for q in questions if q.split == "test"]
    train = count_training_answers([replace(q, split="train") for q in questions], 12)
    answers = {
        name: [_floor(name, q, floor(q, by_clip[q.clip], _captions(q), train)) for q in test]
        for name, floor in FLOORS.items()
    }
    for name, skill in SKILL.items():
        answers[name] = [_model(name, q, skill, random) for q in test]
    logs = {name: _log(name, random) for name in ("sft", "rl")}
    about = {"Run": {"student": "tiny", "seed": 7}, "Budget": {"first": 8, "call": 8}}
    return Evaluation({q.id: q for q in test}, by_clip, answers, logs, about)


def _clip(sport: str, match: int, start: int) -> Clip:
    game = f"synthetic/{sport}/{match:02d}"
    video = f"{game}/1"
    return Clip(
        f"{video}@{start}-{start + 60}", video, "synthetic", sport, game, "CC0", "open",
        float(start), start + LENGTH, 60, False,
    )  # fmt: skip


def _questions(clip: Clip, random: Random) -> list[Question]:
    sport = SPORTS[clip.sport]
    if clip.sport == "soccer":
        happened = sorted(
            (random.uniform(8, 52), word) for word in random.sample(sport.spotting_words, 2)
        )
        absent = random.choice(
            [w for w in sport.spotting_words if w not in {word for _, word in happened}]
        )
        asked = [_spotting(clip, word, [(t - 6, t + 6)]) for t, word in happened]
        spans = [t for moment, _ in happened for t in (moment - 6, moment + 6)]
        truth = format_action_list([word for _, word in happened])
        return [*asked, _spotting(clip, absent, []), _question(clip, "open", truth, spans)]
    if clip.sport == "badminton":
        return [_question(clip, "counting", str(random.randint(3, 9)), [10.0, 31.0])]
    options = random.sample(sorted(set(sport.words.values())), 4)
    truth = choice.format_choice_answer(options, random.choice(options))
    return [_question(clip, "choice", truth, [20.0, 32.0], options=options)]


def _spotting(clip: Clip, word: str, spans: list[tuple[float, float]]) -> Question:
    truth = spotting.format_spotting_answer(word, spans)
    return _question(clip, "spotting", truth, [t for span in spans for t in span], action=word)


def _question(clip: Clip, task: str, truth: str, evidence: list[float], **more: Any) -> Question:
    text = f"A question of {task} about this {clip.sport} clip {more.get('action', '')}?"
    given = {"action": "", "options": []} | more
    return Question(
        id=f"{clip.id}#{task}-{given['action']}", clip=clip.id, video=clip.video,
        source=clip.source, sport=clip.sport, match=clip.match, split="test", task=task,
        text=text, truth=truth, evidence=evidence, **given,
    )  # fmt: skip


def _captions(question: Question) -> list[Caption]:
    random = Random(question.id)  # its own, so that one floor more changes nothing else
    if random.random() < 0.5:
        return []
    line = (
        f"And that looks like a {question.action or random.choice(question.options or ['smash'])}."
    )
    at = question.evidence[1] if question.evidence else 30.0
    return [Caption("c0", question.clip, at, at + 4, line, "test")]


def _floor(name: str, question: Question, answer: str) -> Trajectory:
    return _trajectory(name, question, answer, [], 0, "[]")


def _model(name: str, question: Question, skill: float, random: Random) -> Trajectory:
    right = random.random() < skill
    answer = question.truth if right else _wrong(question, random)
    middle = question.evidence[0] if question.evidence else random.uniform(5, 45)
    window = [max(0.0, middle - 4), min(LENGTH, middle + 16)] if name in ("sft", "rl") else []
    first = build_frame_blocks([3.0 + 7 * i for i in range(8)])
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You watch a clip."},
        {"role": "user", "content": [*first, {"type": "text", "text": question.text}]},
    ]
    frames = 8
    if window:
        again = [window[0] + 3 * i for i in range(7)]
        thought = (
            f"{format_time(again[0])} shows play. Something happens near {format_time(middle + 6)}."
        )
        messages += [
            {
                "role": "assistant",
                "content": format_thinking_turn(thought, format_tool_call(window[0], window[1])),
            },
            {"role": "tool", "content": build_frame_blocks(again)},
        ]
        frames += len(again)
    messages.append(
        {"role": "assistant", "content": format_thinking_turn("So that is what it is.", answer)}
    )
    return _trajectory(name, question, answer, window, frames, json.dumps(messages))


def _wrong(question: Question, random: Random) -> str:
    if question.task == "spotting":
        start = random.uniform(0, 48)
        return spotting.format_spotting_answer(
            question.action, [(start, start + 12)] * random.randint(0, 2)
        )
    return {"counting": "11", "choice": "A. offside", "open": "A throw-in."}[question.task]


def _trajectory(
    name: str, question: Question, answer: str, windows: list[float], frames: int, messages: str
) -> Trajectory:
    score = TASKS[question.task].score(answer, question.truth)
    return Trajectory(
        f"{name}/{question.id}", question.id, name, question.split, question.sport, question.task,
        question.match, messages, answer, score, True, windows, frames,
    )  # fmt: skip


def _log(name: str, random: Random) -> list[dict[str, Any]]:
    rows = []
    for step in range(1, 60):
        row = {
            "step": step,
            "loss": 2.5 / step**0.6 + random.uniform(0, 0.1),
            "learning_rate": 1e-3,
        }
        if name == "rl":
            row |= {"reward": 0.5 + step / 200 + random.uniform(-0.1, 0.1), "kl": step / 9000}
        rows.append(row)
    return rows


def picture(clip: Clip, time: float) -> Image.Image:
    """A pitch with a few players and the clock: what a small broadcast frame looks like."""
    image = Image.new(
        "RGB", (200, 112), {"soccer": "#2f7d32", "badminton": "#1f5f6b"}.get(clip.sport, "#b9793f")
    )
    draw, random = ImageDraw.Draw(image), Random(f"{clip.id}{time}")
    draw.rectangle((8, 8, 192, 104), outline="#ffffff", width=2)
    for _ in range(12):
        x, y = random.randint(12, 180), random.randint(16, 96)
        draw.ellipse((x, y, x + 7, y + 7), fill=random.choice(["#d33", "#fff", "#36c"]))
    draw.rectangle((12, 11, 60, 24), fill="#111")
    draw.text((16, 12), format_time(clip.start + time), fill="#fff")
    return image


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of an unspoilt evaluation, for tests that only read it."""
    return evaluated(Random(7)).write(tmp_path_factory.mktemp("report") / "report.html")
