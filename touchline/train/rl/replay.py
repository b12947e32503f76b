"""Play RL's rollouts again from their rows: the same frames, the same tokens, the same reward.

The model is not asked again. Its own tokens are taken, everything else is made anew: the tool
answers each call from the frame store, its replies become tokens, the task judges, the reward pays.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trl.chat_template_utils import get_training_chat_template, parse_response

from touchline.atomic import whole_file
from touchline.chat.messages import TOOLS, Messages, reels
from touchline.chat.tools.choose_frames import Budget, Reel
from touchline.config import Params
from touchline.errors import BadInput
from touchline.model.processor import FramesProcessor, load_processor
from touchline.records import Question, Rollout, by_id, grouped, read
from touchline.train.rl.environment import Clips
from touchline.train.rl.groups import divided, filtered
from touchline.train.rl.reward_fn import Reward
from touchline.train.rl.rewards.rule import Rule
from touchline.video.frame_store import FrameStore

RULES = "replay.json"  # beside the rollouts
SAME = ("messages", "answer", "score", "valid", "windows", "frames", "ending")
NOBODY = {"role": "user", "content": [{"type": "text", "text": "-"}]}
END, STOP, OPENS = "<|im_end|>", "<|endoftext|>", "<|im_start|>"


class Rules(Params):
    """What rollouts were played under; written by the training beside them."""

    budget: Budget
    reward: Rule
    turn_tokens: int


@dataclass(frozen=True)
class Again:
    """The verdict on one rollout."""

    id: str
    frames: bool  # the digest of every frame is the same
    tokens: bool  # the model's turns and the tool's replies make the same ids
    reward: bool  # judged, paid and filtered to the same number
    wrong: str  # what differs first, "" when nothing does


@dataclass(frozen=True)
class Stage:
    """All that a rollout is played with."""

    questions: Mapping[str, Question]
    reels: Mapping[str, Reel]
    processor: FramesProcessor
    rules: Rules

    def play(self, row: Rollout) -> tuple[Rollout, bool]:
        """The rollout made anew, and whether its tokens come out the same."""
        environment = Clips(self.questions, self.reels, self.rules.budget)
        environment.reset(row.question)
        completion, same = self._converse(row.tokens, environment)
        direct: Set[str] = {row.question} if row.direct else set()
        folder = Path()  # nothing is written: one rollout is played, no step
        reward = Reward(self.questions, self.processor, self.rules.reward, 1, folder, direct)
        return reward.play(completion, row.tokens, environment).row, same

    def _converse(self, tokens: Sequence[int], environment: Clips) -> tuple[Messages, bool]:
        """TRL's loop over turns and replies, on tokens that are already there."""
        completion, at, last = Messages(), 0, self.rules.budget.calls + 1
        before = self._ids([NOBODY], True)  # a turn is read behind the mark that opens it
        for turns in range(last + 1):
            turn = self._turn(tokens[at:])
            at += len(turn)
            completion.append(parse_response(self.processor.tokenizer, turn, before, TOOLS))
            calls = completion[-1].get("tool_calls")
            if not calls or turns == last:
                break
            replies = [_reply(call["function"], environment) for call in calls]
            if at == len(tokens):
                break  # a reply that did not fit: nobody saw it
            suffix = self._suffix(replies)
            if list(tokens[at : at + len(suffix)]) != suffix:
                return completion, False
            completion += replies
            at += len(suffix)
        return completion, at == len(tokens)

    def _turn(self, tokens: Sequence[int]) -> list[int]:
        """The model's next turn: up to its end mark, or as long as a turn may be.

        vLLM stops at the end of text as well, transformers goes on behind it: there it ends a turn
        when nothing more of the model follows.
        """
        end, stop, opens = self.processor.tokenizer.convert_tokens_to_ids([END, STOP, OPENS])
        for at, token in enumerate(tokens[: self.rules.turn_tokens]):
            follow = tokens[at + 1 : at + 3]
            if token == end or (token == stop and (not follow or opens in follow)):
                return list(tokens[: at + 1])
        return list(tokens[: self.rules.turn_tokens])

    def _suffix(self, replies: Messages) -> list[int]:
        """The ids of the tool's turn: behind the call's end mark, up to where the next begins."""
        call = {"type": "function", "function": {"name": replies[0]["name"], "arguments": {}}}
        before = [NOBODY, {"role": "assistant", "content": [], "tool_calls": [call]}]
        start, whole = self._ids(before, False), self._ids([*before, *replies], True)
        end = self.processor.tokenizer.eos_token_id
        return whole[len(start) - start[::-1].index(end) :]

    def _ids(self, messages: Messages, prompt: bool) -> list[int]:
        template = get_training_chat_template(self.processor)
        batch: Any = self.processor.apply_chat_template(
            [messages], add_generation_prompt=prompt, tokenize=True, return_dict=True,
            chat_template=template,
        )  # fmt: skip
        return list(batch["input_ids"][0])


def _reply(function: Mapping[str, Any], environment: Clips) -> dict[str, Any]:
    """What TRL answers a call with: frames, or the error in its words."""
    name, content = function["name"], None
    try:  # the border to model output
        if name != "choose_frames":
            raise ValueError(f"Tool {name} not found.")
        content = environment.choose_frames(**function["arguments"])
    except Exception as error:
        content = [{"type": "text", "text": str({"error": str(error)})}]
    return {"role": "tool", "name": name, "content": content}


def replay(file: Path, data: Path, only: str = "") -> Iterator[Again]:
    """Replay all rollouts of a file, or the one with id `only`, on the products in `data`.

    Raises `BadInput` for an unknown id, and for rollouts whose rules or frames are not here.
    """
    rows = read(file, Rollout)
    if only and only not in by_id(rows):
        raise BadInput(
            f"{file}:{only}", "no rollout has this id", "see the column `id` of the file"
        )
    stage = staged(file, data)
    steps = grouped(rows, "step").values()
    paid = {id: p for step in steps for id, p in _paid(step, stage.rules.reward).items()}
    for row in rows:
        if only in ("", row.id):
            yield compared(row, *stage.play(row), paid[row.id])


def say(file: Path, data: Path, only: str = "") -> int:
    """Write the verdicts to the terminal, those that differ by name; 1 when any does."""
    count, differ = 0, 0
    for again in replay(file, data, only):
        count, differ = count + 1, differ + bool(again.wrong)
        if again.wrong or only:
            sys.stdout.write(f"{again.id}: {again.wrong or 'same frames, tokens and reward'}\n")
    sys.stdout.write(f"{count - differ} of {count} rollouts play as they did\n")
    return int(differ > 0)


def staged(file: Path, data: Path) -> Stage:
    """Rules and tokenizer from beside the rollouts; questions, clips and frames from `data`."""
    beside = file.parent / RULES
    if not beside.is_file():
        raise BadInput(beside, "is missing", "run the stage rl again, which writes it")
    rules = Rules.model_validate_json(beside.read_text())
    questions = by_id(read(data / "questions/questions.parquet", Question))
    store = FrameStore(data / "frames")
    shown = reels(store, data / "clips", rules.budget)
    return Stage(questions, shown, load_processor(file.parent), rules)


def _paid(rows: Sequence[Rollout], rule: Rule) -> dict[str, float]:
    """What each rollout of a step is given after the group filter, by id."""
    size = sum(row.group == rows[0].group for row in rows)
    groups = divided([row.score for row in rows], [row.earned for row in rows], size)
    groups = filtered(groups) if rule.filter == "outcome" else groups
    given = [reward for group in groups for reward in group.rewards]
    return {row.id: reward for row, reward in zip(rows, given, strict=True)}


def compared(row: Rollout, twin: Rollout, tokens: bool, paid: float) -> Again:
    """The verdict: what the row says against what was made anew."""
    differ = [name for name in SAME if getattr(row, name) != getattr(twin, name)]
    frames = row.shown == twin.shown
    reward = (row.parts, row.earned, row.paid) == (twin.parts, twin.earned, paid) and not differ
    wrong = "" if frames else _first(row.shown, twin.shown)
    wrong = wrong or ("" if tokens else "the tool's replies make other tokens")
    wrong = wrong or (f"{differ[0]} differs" if differ else "")
    earned = f"it earned {row.earned:g} and was paid {row.paid:g}; now {twin.earned:g} and {paid:g}"
    return Again(row.id, frames, tokens, reward, wrong or ("" if reward else earned))


def _first(was: Sequence[str], now: Sequence[str]) -> str:
    pairs = zip(was, now, strict=False)
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(was), len(now)))
    return f"frame {at} is another picture ({len(was)} frames then, {len(now)} now)"


def leave_rules(file: Path, rules: Rules) -> None:
    """Write what a replay needs to know."""
    with whole_file(file) as draft:
        draft.write_text(rules.model_dump_json(indent=2) + "\n")
