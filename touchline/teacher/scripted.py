"""The scripted teacher: knows the labels and writes trajectories that look where the action is.

Its thoughts name every frame, mark those that matter (`!`, or a stroke's number in its rally) and
end with the decision. A small model needed all three to learn within minutes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.messages import build_messages
from touchline.chat.timecode import format_time
from touchline.chat.tools.choose_frames import (
    ClipFrames,
    FrameBudget,
    ToolSession,
    format_tool_call,
)
from touchline.chat.turns import format_thinking_turn
from touchline.progress import ProgressReporter
from touchline.records.question import Question
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory
from touchline.tasks.choice import format_option, parse_option_letter
from touchline.tasks.scene import ClipScene
from touchline.tasks.spotting import format_spotting_answer, parse_intervals
from touchline.tasks.trajectory import build_trajectory
from touchline.teacher.teacher import TaughtQuestion, TeachingJob
from touchline.video.workers import map_jobs, open_worker_pool

Span = tuple[float, float]
FrameTest = Callable[
    [str, str], bool
]  # (word of the frame, word of the frame before) -> it matters
FrameMark = Callable[[float], str]  # time of a frame that matters -> what stands behind its word
WINDOW_REACH = 10.5  # seconds looked at on both sides of what the first frames show
VAGUE_WINDOW_REACH = (
    15.0  # the same of a vague lesson: a 12 s action is then 0.4 of what is named, and passes
)
HEDGE_WORD = "roughly"


@dataclass
class ScriptedLesson:
    """A trajectory under construction: assistant turns and tool results are appended
    to `messages`.
    """

    question: Question
    scene: ClipScene
    viewing: ToolSession
    opening: list[dict]
    answer_text: str  # the answer
    vague: bool = False  # says only roughly where an action is

    def __post_init__(self) -> None:
        self.messages: list[dict] = []

    @property
    def max_calls(self) -> int:
        """Maximum number of tool calls."""
        return self.viewing.budget.calls

    def choose_window(self, span: Span) -> Span:
        """The window to request for a span; a wide one in a vague lesson."""
        middle = (span[0] + span[1]) / 2
        return (
            (middle - VAGUE_WINDOW_REACH, middle + VAGUE_WINDOW_REACH)
            if self.vague
            else widen_span(span)
        )

    def describe_first_frames(self, hit: FrameTest) -> str:
        """The thought about the frames shown with the question."""
        return self._describe_frames(self.opening, hit)

    def call_tool(
        self, thought: str, window: Span, hit: FrameTest, mark: FrameMark = lambda _: "!"
    ) -> str:
        """Append a tool call for `window` and its result; returns the description of the returned
        frames, which begins the next thought.
        """
        start, end = self.round_window(window)
        zero = self.viewing.clip_frames.clock_offset
        self._add_assistant_turn(
            format_thinking_turn(thought, format_tool_call(zero + start, zero + end))
        )
        blocks = self.viewing.call(self.format_clock(start), self.format_clock(end))
        self.messages.append({"role": "tool", "name": "choose_frames", "content": blocks})
        return self._describe_frames(blocks, hit, mark)

    def round_window(self, window: Span) -> Span:
        """The window in whole seconds, cut to the clip."""
        last = float(self.viewing.clip_frames.times[-1])
        return max(0.0, float(round(window[0]))), float(min(round(window[1]), int(last)))

    def add_answer_turn(self, thought: str) -> None:
        """Append the last turn: the thought and the answer."""
        self._add_assistant_turn(format_thinking_turn(thought, self.answer_text))

    def add_bare_answer(self) -> None:
        """Append the answer without a thought."""
        self._add_assistant_turn(self.answer_text)

    def format_clock(self, time: float) -> str:
        """Format a time of the clip (seconds) by the dialogue's clock."""
        return format_time(self.viewing.clip_frames.clock_offset + time)

    def format_spans(self, spans: list[Span]) -> str:
        """Format spans as text ('0:04 to 0:11, ...'); 'no' for none."""
        hedge = f"{HEDGE_WORD} " if self.vague else ""
        return (
            ", ".join(f"{hedge}{self.format_clock(a)} to {self.format_clock(b)}" for a, b in spans)
            or "no"
        )

    def find_matching_spans(self) -> list[Span]:
        """(first, last) times of consecutive matching frames among the latest ones."""
        spans: list[Span] = []
        was_matching = False
        for time, _, hit in self.latest_frames:
            if hit and was_matching:
                spans[-1] = (spans[-1][0], time)
            elif hit:
                spans.append((time, time))
            was_matching = hit
        return spans

    def list_matching_words(self) -> list[str]:
        """Words of the matching frames among the latest ones."""
        return [word for _, word, hit in self.latest_frames if hit]

    def _describe_frames(
        self, blocks: list[dict], hit: FrameTest, mark: FrameMark = lambda _: "!"
    ) -> str:
        """Name each frame just shown: `0:04 play, 0:11 foul!`."""
        times = [block["time"] for block in blocks if block["type"] == "image"]
        words = [self.scene.word_at(time) for time in times]
        before = ["", *words]
        self.latest_frames = [
            (t, w, hit(w, b)) for t, w, b in zip(times, words, before, strict=False)
        ]
        return ", ".join(
            f"{self.format_clock(t)} {w}{mark(t) if hit else ''}"
            for t, w, hit in self.latest_frames
        )

    def _add_assistant_turn(self, turn: str) -> None:
        self.messages.append({"role": "assistant", "content": [{"type": "text", "text": turn}]})


def run_scripted_teacher(job: TeachingJob) -> Iterator[TaughtQuestion]:
    """Teach every question of the job, one worker job per video."""
    with (
        open_worker_pool(1) as executor,
        ProgressReporter("distill", len(job.questions)) as progress,
    ):
        for taught_questions in map_jobs(
            executor, teach_job_questions, [(part,) for part in job.split_by_video()]
        ):
            yield from taught_questions
            progress.advance_to(progress.done + len(taught_questions))


def teach_job_questions(job: TeachingJob) -> list[TaughtQuestion]:
    """Teach the questions of a job in this process."""
    habits = job.vague, job.jitter
    taught_questions = []
    for question in job.questions:
        clip_scene, reel = job.get_scene(question), job.get_frames(question)
        trajectory = build_scripted_trajectory(
            question, clip_scene, reel, job.budget, job.dialogue, *habits
        )
        taught_questions.append(TaughtQuestion(question, trajectory))
    return taught_questions


def build_scripted_trajectory(
    question: Question,
    clip_scene: ClipScene,
    frames: ClipFrames,
    budget: FrameBudget,
    dialogue: Dialogue = DEFAULT_DIALOGUE,
    vague: float = 0.0,
    jitter: int = 0,
) -> Trajectory:
    """Write one trajectory and score it like a model's.

    `vague` is the share of questions answered with a wide window, `jitter` the seconds by which its
    times may be off.
    """
    viewing = ToolSession(frames, budget)
    answer_text = jitter_answer_times(
        question, jitter, dialogue.clock_offset(clip_scene.clip) + clip_scene.length
    )
    lesson = ScriptedLesson(
        question=question,
        scene=clip_scene,
        viewing=viewing,
        opening=viewing.open(),
        answer_text=answer_text,
        vague=is_vague_question(question, vague),
    )
    write_lesson_turns(lesson, dialogue)
    messages = [*build_messages(question, lesson.opening, dialogue), *lesson.messages]
    return build_trajectory("teacher.scripted", question, messages, lesson.viewing, dialogue)


def write_lesson_turns(lesson: ScriptedLesson, dialogue: Dialogue = DEFAULT_DIALOGUE) -> None:
    """Append the teacher's turns for the lesson's task."""
    if not dialogue.thinks:
        lesson.add_bare_answer()
    elif not lesson.opening:
        lesson.add_answer_turn("There is no frame of this clip to look at.")
    elif lesson.question.task in lesson.scene.ready_tasks:
        _teach_unlabelled(lesson)
    else:
        LESSON_BY_TASK.get(lesson.question.task, _teach_unlabelled)(lesson)


def _teach_spotting(lesson: ScriptedLesson) -> None:
    action = lesson.question.action

    def hit(word: str, _: str) -> bool:
        return word == action

    thought = lesson.describe_first_frames(hit)
    seen_spans = _drop_shared_windows(
        lesson, lesson.find_matching_spans() or _get_evidence_spans(lesson)
    )
    if not seen_spans:
        lesson.add_answer_turn(f"{thought}. So {action} no.")
        return
    answer_spans: list[Span] = []
    for i, span in enumerate(seen_spans[: lesson.max_calls]):
        window = lesson.choose_window(span)
        thought = lesson.call_tool(
            f"{thought}. So {action} {lesson.format_spans(seen_spans[i:])}.", window, hit
        )
        answer_spans += lesson.find_matching_spans()
    answer_spans += seen_spans[lesson.max_calls :]  # seen once, no call left to look again
    if lesson.vague:  # the answer is the window itself, whatever its frames show
        answer_spans = [lesson.round_window(lesson.choose_window(span)) for span in seen_spans]
        lesson.answer_text = format_spotting_answer(
            action, answer_spans, lesson.viewing.clip_frames.clock_offset
        )
    lesson.add_answer_turn(f"{thought}. So {action} {lesson.format_spans(answer_spans)}.")


def _teach_counting(lesson: ScriptedLesson) -> None:
    """Each stroke carries its number, one more than the last: the count is the last number."""
    hit = _make_not_idle_test(lesson)

    def numbered(time: float) -> str:
        return f" #{lesson.scene.action_index_at(time) + 1}"

    thought = lesson.describe_first_frames(hit)
    seen_spans = lesson.find_matching_spans() or _get_evidence_spans(lesson)
    span = (seen_spans[0][0], seen_spans[-1][1])
    span_text = lesson.format_spans([span])
    if lesson.max_calls:
        thought = lesson.call_tool(
            f"{thought}. So rally {span_text}.", widen_span(span), hit, numbered
        )
    lesson.add_answer_turn(f"{thought}. So #{lesson.question.truth}.")


def _teach_choice(lesson: ScriptedLesson) -> None:
    """The letter stands right behind the option: there a small model learns to fetch it."""
    (call,) = lesson.scene.actions
    hit = _make_not_idle_test(lesson)
    decision = f"So {format_option(call.word)} {parse_option_letter(lesson.question.truth)}."
    thought = lesson.describe_first_frames(hit)
    seen_spans = lesson.find_matching_spans() or _get_evidence_spans(lesson)
    if lesson.max_calls:
        thought = lesson.call_tool(f"{thought}. {decision}", widen_span(seen_spans[0]), hit)
    lesson.add_answer_turn(f"{thought}. {decision}")


def _teach_open(lesson: ScriptedLesson) -> None:
    idle = lesson.scene.sport.idle

    def hit(word: str, before: str) -> bool:
        return word not in (idle, before)

    thought = lesson.describe_first_frames(hit)
    decision = f"So {' then '.join(lesson.list_matching_words()) or 'nothing'}."
    lesson.add_answer_turn(f"{thought}. {decision}")


def _teach_unlabelled(lesson: ScriptedLesson) -> None:
    """A ready question: nobody has named in the frames what it asks for."""
    lesson.call_tool(
        "I look at the whole clip again.", (0.0, lesson.scene.length), lambda *_: False
    )
    lesson.add_answer_turn("I have seen the clip twice.")


# A task without a lesson of its own is taught to look twice.
LESSON_BY_TASK: dict[str, Callable[[ScriptedLesson], None]] = {
    "spotting": _teach_spotting,
    "counting": _teach_counting,
    "choice": _teach_choice,
    "open": _teach_open,
}


def jitter_answer_times(question: Question, jitter: int, end: float) -> str:
    """The true answer, with each interval end of a spotting answer shifted by up to `jitter` whole
    seconds.

    The same question is always shifted alike; intervals keep a positive length and stay between
    0:00 and `end`. Other tasks and absence are returned unchanged.
    """
    spans = parse_intervals(question.truth) if question.task == "spotting" else []
    if not jitter or not spans:
        return question.truth
    random = Random(question.id)
    shifted = [[t + random.randint(-jitter, jitter) for t in span] for span in spans]
    last = float(int(end))
    starts = [min(max(0.0, a), last - 1) for a, _ in shifted]
    answer_spans = [
        (a, min(max(b, a + 1), last)) for a, (_, b) in zip(starts, shifted, strict=True)
    ]
    return format_spotting_answer(question.action, answer_spans)


def is_vague_question(question: Question, share: float) -> bool:
    """True for a fixed pseudo-random `share` of spotting questions whose action is present; these
    are answered vaguely.
    """
    present = question.task == "spotting" and bool(question.evidence)
    return present and Random(f"vague {question.id}").random() < share


def widen_span(span: Span) -> Span:
    """The window to request for a span: WINDOW_REACH on both sides of its middle, more for a long
    span.
    """
    middle = (span[0] + span[1]) / 2
    reach = max(WINDOW_REACH, (span[1] - span[0]) / 2 + 3.0)
    return middle - reach, middle + reach


def _make_not_idle_test(lesson: ScriptedLesson) -> FrameTest:
    return lambda word, _: word != lesson.scene.sport.idle


def _get_evidence_spans(lesson: ScriptedLesson) -> list[Span]:
    """Where the truth is when the first frames all missed it: this teacher knows."""
    return pair_times(lesson.question.evidence)


def _drop_shared_windows(lesson: ScriptedLesson, spans: list[Span]) -> list[Span]:
    """The spans with one of those that share a window: no stretch is called for twice."""
    return list({lesson.round_window(widen_span(span)): span for span in reversed(spans)}.values())[
        ::-1
    ]
