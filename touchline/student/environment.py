"""What TRL's GRPO needs of us: an environment with the frame tool, and the reward over a batch."""

from collections.abc import Callable, Mapping
from typing import Any

from touchline.records import Question
from touchline.rewards.gated import Gated, gated
from touchline.student.conversation import asked, pictured
from touchline.student.processor import FramesProcessor
from touchline.tasks import TASKS
from touchline.tools.choose_frames import Budget, Reel, Viewing
from touchline.tools.turns import answer, well_formed

ASSISTANT = "<|im_start|>assistant\n"


class Clips:
    """One rollout's view of its clip. Public methods are the model's tools (TRL's rule)."""

    def __init__(
        self, questions: Mapping[str, Question], reels: Mapping[str, Reel], budget: Budget
    ) -> None:
        self._questions, self._reels, self._budget = questions, reels, budget

    def reset(self, question: str, **_: Any) -> list:
        """The user's turn: first frames and question, which TRL puts into the empty prompt."""
        self._question = self._questions[question]
        self._reel = self._reels[self._question.clip]
        self._viewing = Viewing(self._reel, self._budget)
        return asked(self._question, pictured(self._viewing.open(), self._reel))[-1]["content"]

    def choose_frames(self, start: str, end: str) -> list:
        """Show more frames of one stretch of the clip.

        Args:
            start: where the stretch begins, minutes:seconds of the clip
            end: where the stretch ends, minutes:seconds of the clip
        """
        return pictured(self._viewing.call(start, end), self._reel)


class Reward:
    """TRL's reward signature over `gated`; judges with the task's own score."""

    __name__ = "gated"  # TRL names the metric after it

    def __init__(
        self, questions: Mapping[str, Question], processor: FramesProcessor, rule: Gated
    ) -> None:
        self.questions, self.processor, self.rule = questions, processor, rule

    def __call__(
        self,
        completion_ids: list[list[int]],
        environments: list[Clips],
        question: list[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        parts = [
            self._judge(ids, env._viewing, self.questions[name])
            for ids, env, name in zip(completion_ids, environments, question, strict=True)
        ]
        for i, name in enumerate(("format", "accuracy", "tool_rate")):
            log_metric(name, sum(float(part[i]) for part in parts) / len(parts))
        return [gated(*part, rule=self.rule) for part in parts]

    def _judge(
        self, ids: list[int], viewing: Viewing, question: Question
    ) -> tuple[bool, float, bool]:
        """(format kept, accuracy, tool used), read from the very tokens that are trained on."""
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        turns = spoken_turns(text)
        accuracy = TASKS[question.task].score(answer(turns[-1]), question.truth)
        return well_formed(turns) and not viewing.faults, accuracy, bool(viewing.windows)


def spoken_turns(completion: str) -> list[str]:
    """The assistant's turns of a completion, which holds the tool's turns between them."""
    return [part.split("<|im_end|>")[0] for part in completion.split(ASSISTANT)]
