"""A small world of labelled clips in every sport, made of records: no video is needed."""

from collections.abc import Sequence
from random import Random

import numpy as np
from PIL import Image

from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.records.question import Question
from touchline.sports import SPORTS
from touchline.tasks import TASKS
from touchline.tasks.scene import ClipScene, build_clip_scene
from touchline.tasks.task import QuestionDraft, QuestionRules

RULES = QuestionRules(interval=12.0, negatives=0.5)
SHIRTS = ("red", "blue", "white")
HOSTILE = [
    "", " \n\t", "\x00", "\ud800", "9" * 5000, "(" * 3000, "[" * 60_000, "9" * 400 + ":00",
    "(0:99, 0:01)", "(0:28, 0:16)", "(9999999999:00, 9999999999:30)", "١٢", "NaN", "-1", "1e999",
    "<think>", "</think>", "<tool_call>" * 500, "<tool_call>" + " " * 20_000, "<|image_pad|>",
    "<|im_start|>assistant\n", "';DROP TABLE--", "{{7*7}}", "{}", "None", "\U0001f600" * 99,
]  # fmt: skip
BUDGETS = {
    "tiny": FrameBudget(first=8, call=8, stride=3, calls=2, width=64, height=32),
    "every frame": FrameBudget(first=60, call=8, stride=1, calls=1, width=64, height=32),
    "many calls": FrameBudget(first=8, call=8, stride=0.5, calls=5, width=64, height=32),
}


def clip_of(sport: str, match: str = "m", start: float = 0.0, length: float = 60.0) -> Clip:
    video = f"world/{sport}-{match}/1"
    return Clip(
        f"{video}@{start:g}-{start + length:g}", video, "world", sport, f"{sport}-{match}",
        "CC0-1.0", "open", start, start + length, int(length), False,
    )  # fmt: skip


def label(name: str, start: float, end: float | None = None, **more: object) -> Label:
    given: dict = {"team": "", "task": "", "asked": "", "options": [], "answer": ""} | more
    ends = start if end is None else end
    return Label(f"l{start:g}{name}", "v", name, start, ends, **given)


def scenes_of(sport: str, seed: int = 0, count: int = 40) -> list[ClipScene]:
    """Seeded clips of one sport: none, one or several actions anywhere, also across the edges."""
    random = Random(f"{seed} {sport}")
    labels = sorted(SPORTS[sport].words)
    if not labels:
        return [build_clip_scene(clip_of(sport, str(i), 100), [_ready(i)]) for i in range(count)]
    found = []
    for number in range(count):
        moments = sorted(random.uniform(-8, 68) for _ in range(number % 4))
        found.append([label(random.choice(labels), 100 + moment) for moment in moments])
    found += [_rally(random, labels) for _ in range(10)]
    found += [[label(random.choice(labels), 100 + at)] for at in (0.0, 0.4, 30.0, 59.6, 59.99)]
    far = label(labels[0], 900)  # a video without any label is not known to be empty
    found = [[*given, far] for given in found]
    found += [[_ready(number)] for number in range(12)]
    found += [[_ready(number), label(labels[0], 130)] for number in range(12)]
    return [build_clip_scene(clip_of(sport, str(i), 100), given) for i, given in enumerate(found)]


def _rally(random: Random, labels: Sequence[str]) -> list[Label]:
    start, count = random.uniform(101, 120), random.randint(2, 9)
    return [label(random.choice(labels), start + 3 * i) for i in range(count)]


def _ready(number: int) -> Label:
    """A question that the source brings along, of another task each time, with other answers."""
    options = ["smash", "drop", "clear", "lift"]
    answers = {
        "choice": options[number // 4 % 4],
        "counting": str(2 + number),
        "open": f"The player in the {SHIRTS[number // 4 % 3]} shirt serves.",
        "score": f"{40.25 + 9 * number}",
    }
    task = list(answers)[number % 4]
    asked = "What, from {start} to {end}?"
    more = {"task": task, "asked": asked, "options": options if task == "choice" else []}
    return label("", 100, 160, answer=answers[task], **more)


def question_of(task: str, view: ClipScene, draft: QuestionDraft, split: str = "train") -> Question:
    clip = view.clip
    return Question(
        f"{clip.id}?{task}{draft.action}", clip.id, clip.video, clip.source, clip.sport, clip.match,
        split, task, draft.action, draft.text, list(draft.options), draft.truth,
        [time for span in draft.evidence for time in span],
    )  # fmt: skip


def asked_of(task: str, sports: Sequence[str] = tuple(SPORTS)) -> list[tuple[ClipScene, Question]]:
    """Every question a task asks about the world."""
    return [
        (view, question_of(task, view, draft))
        for sport in sports
        for view in scenes_of(sport)
        for draft in TASKS[task].ask(view, RULES, Random(view.clip.id))
    ]


def reel_of(view: ClipScene, fps: float = 1.0, size: tuple[int, int] = (64, 32)) -> ClipFrames:
    """Frames whose colour says what they show."""
    words = sorted({*view.sport.words.values(), view.sport.idle})

    def fetch(times: Sequence[float]) -> list[Image.Image]:
        shades = [words.index(view.word_at(time)) * 255 // len(words) for time in times]
        return [Image.new("RGB", size, (shade, 255 - shade, 99)) for shade in shades]

    return ClipFrames(np.arange(0, view.length, 1 / fps), fetch)


def plain_reel(times: Sequence[float] | np.ndarray) -> ClipFrames:
    """Grey frames at given times."""
    grey = Image.new("RGB", (64, 32), (99, 99, 99))
    return ClipFrames(np.asarray(times, float), lambda wanted: [grey for _ in wanted])
