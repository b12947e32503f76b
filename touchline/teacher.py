"""The scripted teacher: knows the truth, looks where it is, and says in its thoughts what it sees.

Thoughts name every frame, then the decision (`tiny-student` finding: without the first nothing is
learned in minutes, without the second a small model sees the action and still denies it).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from touchline.clock import spoken
from touchline.records import Question
from touchline.tasks.choice import letter
from touchline.tasks.scene import Scene
from touchline.tools.choose_frames import Viewing, called
from touchline.tools.turns import thinking

Span = tuple[float, float]
REACH = 10.5  # seconds looked at on both sides of what the first frames show


@dataclass
class Lesson:
    """One trajectory in the making: assistant turns as text, tool turns as message blocks."""

    question: Question
    scene: Scene
    viewing: Viewing

    def __post_init__(self) -> None:
        self.messages: list[dict] = []

    def look(self, blocks: list[dict]) -> str:
        """Name each frame just shown: `0:04 play, 0:11 foul`."""
        times = [block["time"] for block in blocks if block["type"] == "image"]
        self.latest = [(time, self.scene.shown(time)) for time in times]
        return ", ".join(f"{spoken(time)} {word}" for time, word in self.latest)

    def call(self, thought: str, window: Span) -> str:
        """Call the tool on a window; the thought of the next turn begins with what came back."""
        start, end = max(0.0, float(round(window[0]))), float(round(min(window[1], self._last)))
        self._say(thinking(thought, called(start, end)))
        blocks = self.viewing.call(spoken(start), spoken(end))
        self.messages.append({"role": "tool", "name": "choose_frames", "content": blocks})
        return self.look(blocks)

    def answer(self, thought: str) -> None:
        self._say(thinking(thought, self.question.truth))

    def runs(self, wanted: Callable[[str], bool]) -> list[Span]:
        """Stretches of the latest frames whose word is wanted: (first time, last time)."""
        found: list[list[float]] = []
        previous = ""
        for time, word in self.latest:
            if wanted(word) and found and previous and wanted(previous):
                found[-1][1] = time
            elif wanted(word):
                found.append([time, time])
            previous = word
        return [(first, last) for first, last in found]

    @property
    def _last(self) -> float:
        return float(self.viewing.reel.times[-1])

    def _say(self, turn: str) -> None:
        self.messages.append({"role": "assistant", "content": [{"type": "text", "text": turn}]})


def teach(lesson: Lesson, opening: list[dict]) -> None:
    """Append the teacher's turns for a question whose first frames are `opening`."""
    thought = lesson.look(opening)
    if lesson.question.task == "choice" and not lesson.scene.seen:
        _unlabelled(lesson)
    else:
        LESSONS[lesson.question.task](lesson, thought)


def _spotting(lesson: Lesson, thought: str) -> None:
    word = lesson.question.action
    near = lesson.runs(lambda seen: seen == word) or _evidence(lesson)
    if not near:
        lesson.answer(f"{thought}. So {word}: no.")
        return
    found: list[Span] = []
    for i, span in enumerate(near[: lesson.viewing.budget.calls]):
        thought = lesson.call(f"{thought}. So {word}: {_said(near[i:])}.", around(span))
        found += lesson.runs(lambda seen: seen == word)
    lesson.answer(f"{thought}. So {word}: {_said(found)}.")


def _counting(lesson: Lesson, thought: str) -> None:
    idle = lesson.scene.sport.idle
    near = lesson.runs(lambda seen: seen != idle) or _evidence(lesson)
    span = (near[0][0], near[-1][1])
    thought = lesson.call(f"{thought}. So rally: {_said([span])}.", around(span))
    strokes = [word for _, word in lesson.latest if word != idle]
    counted = ", ".join(f"{i} {word}" for i, word in enumerate(strokes, 1))
    lesson.answer(f"{thought}. So {counted}.")


def _choice(lesson: Lesson, thought: str) -> None:
    (call,) = lesson.scene.seen
    option = f"{call.word} {letter(lesson.question.truth)}"
    near = lesson.runs(lambda seen: seen == call.word) or _evidence(lesson)
    thought = lesson.call(f"{thought}. So {option}: {_said(near)}.", around(near[0]))
    found = lesson.runs(lambda seen: seen == call.word)
    lesson.answer(f"{thought}. So {option}: {_said(found)}.")


def _evidence(lesson: Lesson) -> list[Span]:
    """Where the truth is when the first frames all missed it: this teacher knows."""
    times = lesson.question.evidence
    return list(zip(times[::2], times[1::2], strict=True))


def _open(lesson: Lesson, thought: str) -> None:
    happened = [word for _, word in lesson.latest if word != lesson.scene.sport.idle]
    changes = [after for before, after in pairwise(["", *happened]) if after != before]
    lesson.answer(f"{thought}. So {' then '.join(changes) or 'nothing'}.")


def _unlabelled(lesson: Lesson) -> None:
    """A ready question about a clip whose frames nobody has named."""
    lesson.call("I look at the whole clip again.", (0.0, lesson.scene.length))
    lesson.answer("I have seen the clip twice.")


LESSONS: dict[str, Callable[[Lesson, str], None]] = {
    "spotting": _spotting,
    "counting": _counting,
    "choice": _choice,
    "open": _open,
}


def around(span: Span) -> Span:
    """The window to look at again: `REACH` on both sides of the middle, more for a long span."""
    middle = (span[0] + span[1]) / 2
    reach = max(REACH, (span[1] - span[0]) / 2 + 3.0)
    return middle - reach, middle + reach


def _said(spans: list[Span]) -> str:
    return ", ".join(f"{spoken(first)} to {spoken(last)}" for first, last in spans) or "no"
