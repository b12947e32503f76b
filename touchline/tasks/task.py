"""The interface of a task: generate questions for a clip, score answers."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.timecode import format_time
from touchline.records.label import Label
from touchline.tasks.scene import END, START, ClipScene

# A curriculum's, in its order: what is seen, what the rules make of it, how good it was, in words.
CURRICULUM_LEVELS = ("recognition", "rules", "coaching", "commentary")


@dataclass(frozen=True)
class QuestionDraft:
    """A generated question without id and split."""

    text: str
    truth: str
    action: str = ""
    options: tuple[str, ...] = ()
    evidence: tuple[tuple[float, float], ...] = ()  # clip seconds


@dataclass(frozen=True)
class QuestionRules:
    """Settings of question generation, from the section `ask`."""

    interval: float  # seconds
    negatives: float  # share of spotting questions whose action is absent
    dialogue: Dialogue = DEFAULT_DIALOGUE


@dataclass(frozen=True)
class Task:
    """A task by name. `score(answer, truth)` is in [0, 1] and used by teacher, reward and
    evaluation alike.
    """

    name: str
    ask: Callable[[ClipScene, QuestionRules, Random], list[QuestionDraft]]
    score: Callable[[str, str], float]
    soft_score: Callable[[str, str], float] | None = None  # a finer score in [0, 1], for RL alone
    level: str = CURRICULUM_LEVELS[0]  # where a curriculum teaches it

    def closeness(self, answer: str, truth: str) -> float:
        """The finer score for RL in [0, 1] if the task has one (`soft_score`), else `score`."""
        return (self.soft_score or self.score)(answer, truth)


def draft_ready_questions(scene: ClipScene, task: str, rules: QuestionRules) -> list[QuestionDraft]:
    """The questions of a task that the source provides, with its own wording and answers."""
    return [
        draft_ready_question(label, scene, rules)
        for label in scene.ready_labels
        if label.task == task
    ]


def draft_ready_question(label: Label, scene: ClipScene, rules: QuestionRules) -> QuestionDraft:
    """One provided question, with its `{start}` and `{end}` replaced by times of the dialogue's
    clock.
    """
    start = max(0.0, label.start - scene.clip.start)
    end = min(scene.length, label.end - scene.clip.start)
    clock_offset = rules.dialogue.clock_offset(scene.clip)
    text = label.asked.replace(START, format_time(clock_offset + start)).replace(
        END, format_time(clock_offset + end)
    )
    evidence = ((start, end),) if start < end else ()
    return QuestionDraft(text, label.answer, options=tuple(label.options), evidence=evidence)
