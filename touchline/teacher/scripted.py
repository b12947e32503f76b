"""The scripted teacher: knows the truth, looks where it is, and says in its thoughts what it sees.

Its thoughts name every frame, mark the ones that matter to the question (`!`, or a stroke's number
in its rally), and end with the decision. Each of the three was needed for a small model to learn in
minutes: without the names it sees nothing, without the marks it names the action and still denies
it, and without the numbers it guesses the count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.chat.messages import build_messages, build_trajectory
from touchline.chat.timecode import spoken
from touchline.chat.tools.choose_frames import Budget, Reel, Viewing, called
from touchline.chat.turns import thinking
from touchline.progress import Progress
from touchline.records import Question, Trajectory, paired
from touchline.tasks.choice import letter, option
from touchline.tasks.scene import Scene
from touchline.tasks.spotting import intervals, sentence
from touchline.teacher.teacher import Course, Taught
from touchline.video.workers import each, pool

Span = tuple[float, float]
Hit = Callable[[str, str], bool]  # (word of the frame, word of the frame before) -> it matters
Mark = Callable[[float], str]  # time of a frame that matters -> what stands behind its word
REACH = 10.5  # seconds looked at on both sides of what the first frames show
WIDE = 15.0  # the same of a vague lesson: a 12 s action is then 0.4 of what is named, and passes
HEDGE = "roughly"


@dataclass
class Lesson:
    """One trajectory in the making: assistant turns as text, tool turns as message blocks."""

    question: Question
    scene: Scene
    viewing: Viewing
    opening: list[dict]
    told: str  # the answer
    vague: bool = False  # says only roughly where an action is

    def __post_init__(self) -> None:
        self.messages: list[dict] = []

    @property
    def calls(self) -> int:
        """How often it may look again."""
        return self.viewing.budget.calls

    def aim(self, span: Span) -> Span:
        """The window to look at again; a wide one in a vague lesson."""
        middle = (span[0] + span[1]) / 2
        return (middle - WIDE, middle + WIDE) if self.vague else around(span)

    def first(self, hit: Hit) -> str:
        """The thought about the frames that came with the question."""
        return self._look(self.opening, hit)

    def call(self, thought: str, window: Span, hit: Hit, mark: Mark = lambda _: "!") -> str:
        """Call the tool on a window; the thought of the next turn begins with what came back."""
        start, end = self.bounded(window)
        zero = self.viewing.reel.zero
        self._say(thinking(thought, called(zero + start, zero + end)))
        blocks = self.viewing.call(self.clock(start), self.clock(end))
        self.messages.append({"role": "tool", "name": "choose_frames", "content": blocks})
        return self._look(blocks, hit, mark)

    def bounded(self, window: Span) -> Span:
        """The window in whole seconds within the clip, as it is called for."""
        last = float(self.viewing.reel.times[-1])
        return max(0.0, float(round(window[0]))), float(min(round(window[1]), int(last)))

    def answer(self, thought: str) -> None:
        self._say(thinking(thought, self.told))

    def tell(self) -> None:
        """The bare answer."""
        self._say(self.told)

    def clock(self, time: float) -> str:
        """A second of the clip in words."""
        return spoken(self.viewing.reel.zero + time)

    def said(self, spans: list[Span]) -> str:
        """Stretches of the clip in words; `no` for none."""
        hedge = f"{HEDGE} " if self.vague else ""
        return ", ".join(f"{hedge}{self.clock(a)} to {self.clock(b)}" for a, b in spans) or "no"

    def runs(self) -> list[Span]:
        """Stretches of the latest frames that matter: (first time, last time)."""
        found: list[Span] = []
        marked = False
        for time, _, hit in self.latest:
            if hit and marked:
                found[-1] = (found[-1][0], time)
            elif hit:
                found.append((time, time))
            marked = hit
        return found

    def marked(self) -> list[str]:
        """The words of the latest frames that matter."""
        return [word for _, word, hit in self.latest if hit]

    def _look(self, blocks: list[dict], hit: Hit, mark: Mark = lambda _: "!") -> str:
        """Name each frame just shown: `0:04 play, 0:11 foul!`."""
        times = [block["time"] for block in blocks if block["type"] == "image"]
        words = [self.scene.shown(time) for time in times]
        before = ["", *words]
        self.latest = [(t, w, hit(w, b)) for t, w, b in zip(times, words, before, strict=False)]
        return ", ".join(
            f"{self.clock(t)} {w}{mark(t) if hit else ''}" for t, w, hit in self.latest
        )

    def _say(self, turn: str) -> None:
        self.messages.append({"role": "assistant", "content": [{"type": "text", "text": turn}]})


def lessons(course: Course) -> Iterator[Taught]:
    """A lesson for every question of the course; the executor takes a video per job."""
    with pool(1) as executor, Progress("distill", len(course.questions)) as progress:
        for taught in each(executor, taught_of, [(part,) for part in course.parts()]):
            yield from taught
            progress.to(progress.done + len(taught))


def taught_of(course: Course) -> list[Taught]:
    """The lessons of a course, in this process."""
    habits = course.vague, course.jitter
    found = []
    for question in course.questions:
        view, reel = course.view(question), course.reel(question)
        lesson = attempt(question, view, reel, course.budget, course.dialogue, *habits)
        found.append(Taught(question, lesson))
    return found


def attempt(
    question: Question,
    view: Scene,
    frames: Reel,
    budget: Budget,
    dialogue: Dialogue = PLAIN,
    vague: float = 0.0,
    jitter: int = 0,
) -> Trajectory:
    """One trajectory of this teacher, judged like any model's."""
    viewing = Viewing(frames, budget)
    told = jittered(question, jitter, dialogue.zero(view.clip) + view.length)
    lesson = Lesson(question, view, viewing, viewing.open(), told, hedges(question, vague))
    teach(lesson, dialogue)
    messages = [*build_messages(question, lesson.opening, dialogue), *lesson.messages]
    return build_trajectory("teacher.scripted", question, messages, lesson.viewing, dialogue)


def teach(lesson: Lesson, dialogue: Dialogue = PLAIN) -> None:
    """Append the teacher's turns to the lesson."""
    if not dialogue.thinks:
        lesson.tell()
    elif not lesson.opening:
        lesson.answer("There is no frame of this clip to look at.")
    elif lesson.question.task in lesson.scene.brought:
        _unlabelled(lesson)
    else:
        LESSONS[lesson.question.task](lesson)


def _spotting(lesson: Lesson) -> None:
    action = lesson.question.action

    def hit(word: str, _: str) -> bool:
        return word == action

    thought = lesson.first(hit)
    near = _apart(lesson, lesson.runs() or _evidence(lesson))
    if not near:
        lesson.answer(f"{thought}. So {action} no.")
        return
    found: list[Span] = []
    for i, span in enumerate(near[: lesson.calls]):
        window = lesson.aim(span)
        thought = lesson.call(f"{thought}. So {action} {lesson.said(near[i:])}.", window, hit)
        found += lesson.runs()
    found += near[lesson.calls :]  # seen once, no call left to look again
    if lesson.vague:  # the answer is the window itself, whatever its frames show
        found = [lesson.bounded(lesson.aim(span)) for span in near]
        lesson.told = sentence(action, found, lesson.viewing.reel.zero)
    lesson.answer(f"{thought}. So {action} {lesson.said(found)}.")


def _counting(lesson: Lesson) -> None:
    """Each stroke carries its number, one more than the last: the count is the last number."""
    hit = _not_idle(lesson)

    def numbered(time: float) -> str:
        return f" #{lesson.scene.place(time) + 1}"

    thought = lesson.first(hit)
    near = lesson.runs() or _evidence(lesson)
    span = (near[0][0], near[-1][1])
    said = lesson.said([span])
    if lesson.calls:
        thought = lesson.call(f"{thought}. So rally {said}.", around(span), hit, numbered)
    lesson.answer(f"{thought}. So #{lesson.question.truth}.")


def _choice(lesson: Lesson) -> None:
    """The letter stands right behind the option: there a small model learns to fetch it."""
    (call,) = lesson.scene.seen
    hit = _not_idle(lesson)
    decision = f"So {option(call.word)} {letter(lesson.question.truth)}."
    thought = lesson.first(hit)
    near = lesson.runs() or _evidence(lesson)
    if lesson.calls:
        thought = lesson.call(f"{thought}. {decision}", around(near[0]), hit)
    lesson.answer(f"{thought}. {decision}")


def _open(lesson: Lesson) -> None:
    idle = lesson.scene.sport.idle

    def hit(word: str, before: str) -> bool:
        return word not in (idle, before)

    thought = lesson.first(hit)
    decision = f"So {' then '.join(lesson.marked()) or 'nothing'}."
    lesson.answer(f"{thought}. {decision}")


def _unlabelled(lesson: Lesson) -> None:
    """A ready question: nobody has named in the frames what it asks for."""
    lesson.call("I look at the whole clip again.", (0.0, lesson.scene.length), lambda *_: False)
    lesson.answer("I have seen the clip twice.")


LESSONS: dict[str, Callable[[Lesson], None]] = {
    "spotting": _spotting,
    "counting": _counting,
    "choice": _choice,
    "open": _open,
    "score": _unlabelled,
}


def jittered(question: Question, jitter: int, end: float) -> str:
    """The truth as a teacher tells it who is unsure of times; other tasks and absence are exact.

    Each end of an interval is off by up to `jitter` whole seconds, the same for the same question;
    what is told begins before it ends and lies between 0:00 and `end` of the dialogue's clock.
    """
    spans = intervals(question.truth) if question.task == "spotting" else []
    if not jitter or not spans:
        return question.truth
    random = Random(question.id)
    off = [[t + random.randint(-jitter, jitter) for t in span] for span in spans]
    last = float(int(end))
    starts = [min(max(0.0, a), last - 1) for a, _ in off]
    told = [(a, min(max(b, a + 1), last)) for a, (_, b) in zip(starts, off, strict=True)]
    return sentence(question.action, told)


def hedges(question: Question, share: float) -> bool:
    """Whether this is one of the `share` of present actions told vaguely: always the same ones."""
    present = question.task == "spotting" and bool(question.evidence)
    return present and Random(f"vague {question.id}").random() < share


def around(span: Span) -> Span:
    """The window to look at again: `REACH` on both sides of the middle, more for a long span."""
    middle = (span[0] + span[1]) / 2
    reach = max(REACH, (span[1] - span[0]) / 2 + 3.0)
    return middle - reach, middle + reach


def _not_idle(lesson: Lesson) -> Hit:
    return lambda word, _: word != lesson.scene.sport.idle


def _evidence(lesson: Lesson) -> list[Span]:
    """Where the truth is when the first frames all missed it: this teacher knows."""
    return paired(lesson.question.evidence)


def _apart(lesson: Lesson, spans: list[Span]) -> list[Span]:
    """The spans with one of those that share a window: no stretch is called for twice."""
    return list({lesson.bounded(around(span)): span for span in reversed(spans)}.values())[::-1]
