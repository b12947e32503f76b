"""TRL's reward over a batch of rollouts: judged, paid, measured, and written down to play again."""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from touchline.chat.messages import Messages, asked, assistant_turns, judged
from touchline.chat.tools.choose_frames import REPEATED
from touchline.chat.turns import ENDINGS, ending
from touchline.model.pixels import digest, flat
from touchline.model.processor import FramesProcessor
from touchline.records import Question, Rollout, paired, read, write
from touchline.tasks import TASKS
from touchline.train.distributed import first, gathered, own
from touchline.train.rl.early_stop import Step, step_of
from touchline.train.rl.environment import Clips
from touchline.train.rl.groups import divided, filtered, shares
from touchline.train.rl.rewards.attempt import Judged
from touchline.train.rl.rewards.evidence import hits, overlap
from touchline.train.rl.rewards.rule import Rule
from touchline.train.rl.rewards.total import Total, total

ASSISTANT = "<|im_start|>assistant\n"


@dataclass(frozen=True)
class Played:
    """One rollout as a row, with what its reward was made from."""

    row: Rollout
    facts: Judged
    total: Total


class Reward:
    """TRL's reward signature over `total`; judges with the task's own score.

    Groups may lie across processes, so all rollouts of a step are gathered in each of them. Every
    step leaves a file in `folder`, which a resumed training makes again, byte by byte.
    """

    __name__ = "total"  # TRL names the metric after it

    def __init__(
        self,
        questions: Mapping[str, Question],
        processor: FramesProcessor,
        rule: Rule,
        size: int,
        folder: Path,
        direct: Set[str],
    ) -> None:
        """`size` attempts make a group; `direct` are questions that need no second look."""
        self.questions, self.processor, self.rule = questions, processor, rule
        self.size, self.folder, self.direct = size, folder, direct
        self.step, self.rows = -1, list[Rollout]()
        self.recent: list[Step] = []  # what `Stop` looks at

    def __call__(
        self,
        completions: list[Messages],
        completion_ids: list[list[int]],
        environments: list[Clips],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        attempts = zip(completions, completion_ids, environments, strict=True)
        every = gathered([self.play(*attempt) for attempt in attempts])
        outcomes = [worth(p.facts, self.rule) for p in every]
        earned = [p.total.reward for p in every]
        groups = divided(outcomes, earned, self.size)
        groups = filtered(groups) if self.rule.filter == "outcome" else groups
        paid = [reward for group in groups for reward in group.rewards]
        for name, value in {**measured(every), **shares(groups, self.rule.gate)}.items():
            log_metric(name, value)
        self._keep(trainer_state.global_step, [played.row for played in every], paid)
        return own(paid)

    def play(self, completion: Messages, ids: list[int], environment: Clips) -> Played:
        """Judged by the very tokens that are trained on."""
        question, viewing = environment._question, environment._viewing
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        opening = asked(question, environment._opening)
        shown = viewing.seen[sum(block["type"] == "image" for block in environment._opening) :]
        messages = [*opening, *conversed(spoken_turns(text), completion, shown)]
        row = judged("rl", question, messages, viewing)
        pictures = [b for m in messages for b in m["content"] if b["type"] == "image"]
        row = replace(row, frames=len(pictures))  # a reply that did not fit was not seen
        facts = Judged(
            accuracy=row.score,
            closeness=TASKS[question.task].closeness(row.answer, question.truth),
            kept=row.valid,
            again=REPEATED in viewing.faults,
            windows=tuple(viewing.windows),
            evidence=tuple(paired(question.evidence)),
            direct=question.id in self.direct,
        )
        paid = total(facts, self.rule)
        more = {
            "step": 0,
            "group": 0,
            "tokens": list(ids),
            "shown": [digest(p) for _, _, p in flat(environment._shown)][: len(pictures)],
            "ending": ending(assistant_turns(messages), viewing),
            "direct": facts.direct,
            "parts": json.dumps(paid.parts, sort_keys=True),
            "earned": paid.reward,
            "paid": paid.reward,
        }
        return Played(Rollout(**asdict(row), **more), facts, paid)

    def _keep(self, step: int, rows: Sequence[Rollout], paid: Sequence[float]) -> None:
        """Write the step's rollouts, those of an earlier batch of the same step before them."""
        if step != self.step:
            self.step, self.rows = step, []
        for row, reward in zip(rows, paid, strict=True):
            at = len(self.rows)
            more = {"step": step, "group": at // self.size, "paid": reward}
            self.rows.append(replace(row, id=f"rl:{step}:{at}", **more))
        self.recent = [*(one for one in self.recent if one.step < step), step_of(self.rows)]
        if first():
            write(self.folder / f"step-{step:08d}.parquet", Rollout, self.rows)


def worth(attempt: Judged, rule: Rule) -> float:
    """How good the answer is, as the filter sees it: on the finer scale where that one is paid."""
    return attempt.closeness if rule.weights.closeness else attempt.accuracy


def measured(every: Sequence[Played]) -> dict[str, float]:
    """Means over rollouts, and how many ended in each way.

    Of windows only where a question has evidence and there are windows.
    """

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    looked = [p.facts for p in every if p.facts.windows and p.facts.evidence]
    windows = {
        "windows/hit": mean([hit for facts in looked for hit in hits(facts)]),
        "windows/iou": mean([overlap(facts.windows, facts.evidence) for facts in looked]),
    } if looked else {}  # fmt: skip
    return {
        "accuracy": mean([p.facts.accuracy for p in every]),
        "tool_rate": mean([p.facts.called for p in every]),
        "tool_calls": mean([len(p.facts.windows) for p in every]),
        "frames": mean([p.row.frames for p in every]),
        **{name: mean([p.total.rules[name] for p in every]) for name in every[0].total.rules},
        **{f"parts/{n}": mean([p.total.parts[n] for p in every]) for n in every[0].total.parts},
        **windows,
        **{f"endings/{e}": float(sum(p.row.ending == e for p in every)) for e in ENDINGS},
    }


def conversed(turns: Sequence[str], completion: Messages, shown: Sequence[float]) -> Messages:
    """The turns with the tool's replies between them, pictures named by their time.

    `completion` is TRL's account, which alone knows what the tool's failures were answered with.
    """
    times, replies = iter(shown), list[Messages]()
    for message in completion:
        if message["role"] == "assistant":
            replies.append([])
        elif replies:
            replies[-1].append({**message, "content": _named(message["content"], times)})
    said: Messages = []
    for at, turn in enumerate(turns):
        said.append({"role": "assistant", "content": [{"type": "text", "text": turn}]})
        said += replies[at] if at < len(replies) else []
    return said


def _named(content: Any, times: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        return [{"type": "text", "text": str(content)}]
    return [
        {"type": "image", "time": next(times)} if block["type"] == "image" else block
        for block in content
    ]


def spoken_turns(completion: str) -> list[str]:
    """The assistant's turns of a completion, which holds the tool's turns between them."""
    return [part.split("<|im_end|>")[0] for part in completion.split(ASSISTANT)]


def collected(folder: Path, steps: int) -> list[Rollout]:
    """The rollouts of a training of so many steps, in their order."""
    files = (folder / f"step-{step:08d}.parquet" for step in range(steps))
    return [row for file in files if file.is_file() for row in read(file, Rollout)]
