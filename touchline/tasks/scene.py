"""The labelled actions of a clip in clip time, from which questions are generated."""

from collections.abc import Sequence
from dataclasses import dataclass

from touchline.errors import InputError
from touchline.records.clip import Clip
from touchline.records.label import Label
from touchline.sports import SPORTS
from touchline.sports.sport import Sport

START, END = "{start}", "{end}"  # in the words of a ready question: its times in the clip


@dataclass(frozen=True)
class VisibleAction:
    """One labelled action in clip seconds: visible from `start` to `end`, labelled at `moment`."""

    word: str
    moment: float
    start: float
    end: float


@dataclass(frozen=True)
class ClipScene:
    """A clip with its labelled actions, ordered by time, and the questions its source provides."""

    clip: Clip
    sport: Sport
    actions: tuple[VisibleAction, ...]
    ready_labels: tuple[Label, ...]  # questions that the source brings along
    ready_tasks: frozenset[str]  # the tasks of all such questions about the video
    has_actions: bool  # the video has labelled actions: only then is one without a label absent

    @property
    def length(self) -> float:
        return self.clip.end - self.clip.start

    def actions_inside(self) -> list[VisibleAction]:
        """Actions whose labelled moment lies in the clip; only these are asked about."""
        return [s for s in self.actions if 0 <= s.moment < self.length]

    def may_generate(self, task: str) -> bool:
        """True if questions of this task may be generated from the labels: the video has labels and
        no provided questions of the task.
        """
        return self.has_actions and task not in self.ready_tasks

    def word_at(self, time: float) -> str:
        """The word of the action visible at `time` (clip seconds), or the sport's idle word."""
        place = self.action_index_at(time)
        return self.sport.idle if place < 0 else self.actions[place].word

    def action_index_at(self, time: float) -> int:
        """Index of the action visible at `time` (clip seconds), or -1."""
        return next((i for i, s in enumerate(self.actions) if s.start <= time < s.end), -1)

    def centred_interval(self, action: VisibleAction, length: float) -> tuple[float, float]:
        """The interval of `length` seconds centred on the action's moment, cut to the clip."""
        start, end = centre_interval(action.moment, length)
        return max(0.0, start), min(self.length, end)


def centre_interval(moment: float, length: float) -> tuple[float, float]:
    """(start, end) of the interval of `length` seconds centred on `moment`."""
    return moment - length / 2, moment + length / 2


def build_clip_scene(clip: Clip, labels: Sequence[Label]) -> ClipScene:
    """Build the scene of a clip from all labels of its video. Raises InputError for an unknown
    sport or label.
    """
    if clip.sport not in SPORTS:
        sport_names = ", ".join(SPORTS)
        raise InputError(
            clip.id, f"no sport is called {clip.sport!r:.80}", f"choose among {sport_names}"
        )
    sport = SPORTS[clip.sport]
    actions = sorted(
        (_build_visible_action(label, clip, sport) for label in labels if not label.task),
        key=_get_moment,
    )
    visible_actions = [s for s in actions if s.end > 0 and s.start < clip.end - clip.start]
    ready_labels = tuple(label for label in labels if label.task and _is_askable(label, clip))
    ready_tasks = frozenset(label.task for label in labels if label.task)
    return ClipScene(
        clip, sport, tuple(visible_actions), ready_labels, ready_tasks, has_actions=len(actions) > 0
    )


def _is_askable(label: Label, clip: Clip) -> bool:
    """A question is asked where it begins; one that names its end, only where it ends as well."""
    begins = clip.start <= label.start < clip.end
    return begins and (END not in label.asked or label.end <= clip.end)


def _build_visible_action(label: Label, clip: Clip, sport: Sport) -> VisibleAction:
    moment = (label.start + label.end) / 2 - clip.start
    first, last = label.start - clip.start - sport.reach, label.end - clip.start + sport.reach
    if label.name not in sport.words:
        wrong = f"{label.name!r:.80} is not a label of {sport.name}"
        raise InputError(label.id, wrong, f"choose among {', '.join(sport.words)}")
    return VisibleAction(sport.words[label.name], moment, first, last)


def _get_moment(action: VisibleAction) -> float:
    return action.moment
