"""Replay RL rollouts from their Parquet rows and check for the same frames, tokens and reward.

The model is not run: its recorded tokens are used. Everything else is recomputed: the tool answers
each call from the frame store, replies are tokenised, the task scores the answer, the reward is
paid.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trl.chat_template_utils import get_training_chat_template, parse_response

from touchline.atomic import atomic_file
from touchline.chat.messages import TOOLS, Messages, load_frames_by_clip
from touchline.chat.tools.choose_frames import ClipFrames, FrameBudget
from touchline.config import Params
from touchline.errors import InputError
from touchline.model.processor import FramesProcessor, load_processor
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import group_by_field, index_by_id, read_records
from touchline.train.rl.environment import ClipEnvironment
from touchline.train.rl.groups import level_equal_outcome_groups, split_into_groups
from touchline.train.rl.reward_fn import RolloutReward
from touchline.train.rl.rewards.rule import RewardParams
from touchline.video.frame_store import FrameStore

REPLAY_RULES_FILE = "replay.json"  # beside the rollouts
COMPARED_FIELDS = ("messages", "answer", "score", "valid", "windows", "frames", "ending")
PLACEHOLDER_MESSAGE = {"role": "user", "content": [{"type": "text", "text": "-"}]}
END, STOP, OPENS = "<|im_end|>", "<|endoftext|>", "<|im_start|>"


class ReplayRules(Params):
    """The settings that rollouts were generated with; the training writes them beside
    the rollouts.
    """

    budget: FrameBudget
    reward: RewardParams
    turn_tokens: int


@dataclass(frozen=True)
class ReplayVerdict:
    """The result of replaying one rollout."""

    id: str
    frames: bool  # the digest of every frame is the same
    tokens: bool  # the model's turns and the tool's replies make the same ids
    reward: bool  # judged, paid and filtered to the same number
    wrong: str  # what differs first, "" when nothing does


@dataclass(frozen=True)
class ReplaySetup:
    """Everything needed to replay a rollout."""

    questions: Mapping[str, Question]
    reels: Mapping[str, ClipFrames]
    processor: FramesProcessor
    rules: ReplayRules

    def replay_rollout(self, row: Rollout) -> tuple[Rollout, bool]:
        """(the recomputed rollout, whether its tokens come out the same)."""
        environment = ClipEnvironment(self.questions, self.reels, self.rules.budget)
        environment.reset(row.question)
        completion, same = self._replay_conversation(row.tokens, environment)
        direct: Set[str] = {row.question} if row.direct else set()
        folder = Path()  # nothing is written: one rollout is played, no step
        reward = RolloutReward(self.questions, self.processor, self.rules.reward, 1, folder, direct)
        return reward.score_rollout(completion, row.tokens, environment).row, same

    def _replay_conversation(
        self, tokens: Sequence[int], environment: ClipEnvironment
    ) -> tuple[Messages, bool]:
        """TRL's loop over turns and replies, on tokens that are already there."""
        completion, at, last = Messages(), 0, self.rules.budget.calls + 1
        before = self._token_ids(
            [PLACEHOLDER_MESSAGE], True
        )  # a turn is read behind the mark that opens it
        for turns in range(last + 1):
            turn = self._next_turn(tokens[at:])
            at += len(turn)
            completion.append(parse_response(self.processor.tokenizer, turn, before, TOOLS))
            calls = completion[-1].get("tool_calls")
            if not calls or turns == last:
                break
            replies = [_tool_reply(call["function"], environment) for call in calls]
            if at == len(tokens):
                break  # a reply that did not fit: nobody saw it
            suffix = self._reply_tokens(replies)
            if list(tokens[at : at + len(suffix)]) != suffix:
                return completion, False
            completion += replies
            at += len(suffix)
        return completion, at == len(tokens)

    def _next_turn(self, tokens: Sequence[int]) -> list[int]:
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

    def _reply_tokens(self, replies: Messages) -> list[int]:
        """The ids of the tool's turn: behind the call's end mark, up to where the next begins."""
        call = {"type": "function", "function": {"name": replies[0]["name"], "arguments": {}}}
        before = [PLACEHOLDER_MESSAGE, {"role": "assistant", "content": [], "tool_calls": [call]}]
        start, whole = self._token_ids(before, False), self._token_ids([*before, *replies], True)
        end = self.processor.tokenizer.eos_token_id
        return whole[len(start) - start[::-1].index(end) :]

    def _token_ids(self, messages: Messages, prompt: bool) -> list[int]:
        template = get_training_chat_template(self.processor)
        batch: Any = self.processor.apply_chat_template(
            [messages], add_generation_prompt=prompt, tokenize=True, return_dict=True,
            chat_template=template,
        )  # fmt: skip
        return list(batch["input_ids"][0])


def _tool_reply(function: Mapping[str, Any], environment: ClipEnvironment) -> dict[str, Any]:
    """What TRL answers a call with: frames, or the error in its words."""
    name, content = function["name"], None
    try:  # the border to model output
        if name != "choose_frames":
            raise ValueError(f"Tool {name} not found.")
        content = environment.choose_frames(**function["arguments"])
    except Exception as error:
        content = [{"type": "text", "text": str({"error": str(error)})}]
    return {"role": "tool", "name": name, "content": content}


def replay_rollouts(file: Path, data: Path, only: str = "") -> Iterator[ReplayVerdict]:
    """Replay all rollouts of a file, or only the one with id `only`, on the pipeline products in
    the folder `data`.

    Raises `InputError` for an unknown id and if the replay rules or frames are missing.
    """
    rows = read_records(file, Rollout)
    if only and only not in index_by_id(rows):
        raise InputError(
            f"{file}:{only}", "no rollout has this id", "see the column `id` of the file"
        )
    stage = load_replay_setup(file, data)
    steps = group_by_field(rows, "step").values()
    paid = {id: p for step in steps for id, p in _paid_rewards(step, stage.rules.reward).items()}
    for row in rows:
        if only in ("", row.id):
            yield compare_replayed_rollout(row, *stage.replay_rollout(row), paid[row.id])


def print_replay(file: Path, data: Path, only: str = "") -> int:
    """Print the result of a replay, naming the rollouts that differ; returns 1 if any
    does, else 0.
    """
    count, differ = 0, 0
    for again in replay_rollouts(file, data, only):
        count, differ = count + 1, differ + bool(again.wrong)
        if again.wrong or only:
            sys.stdout.write(f"{again.id}: {again.wrong or 'same frames, tokens and reward'}\n")
    sys.stdout.write(f"{count - differ} of {count} rollouts play as they did\n")
    return int(differ > 0)


def load_replay_setup(file: Path, data: Path) -> ReplaySetup:
    """Load rules and tokenizer from beside the rollouts; questions, clips and frames from `data`.
    Raises `InputError` if the rules are missing.
    """
    beside = file.parent / REPLAY_RULES_FILE
    if not beside.is_file():
        raise InputError(beside, "is missing", "run the stage rl again, which writes it")
    rules = ReplayRules.model_validate_json(beside.read_text())
    questions = index_by_id(read_records(data / "questions/questions.parquet", Question))
    store = FrameStore(data / "frames")
    shown = load_frames_by_clip(store, data / "clips", rules.budget)
    return ReplaySetup(questions, shown, load_processor(file.parent), rules)


def _paid_rewards(rows: Sequence[Rollout], params: RewardParams) -> dict[str, float]:
    """What each rollout of a step is given after the group filter, by id."""
    size = sum(row.group == rows[0].group for row in rows)
    groups = split_into_groups([row.score for row in rows], [row.earned for row in rows], size)
    groups = level_equal_outcome_groups(groups) if params.filter == "outcome" else groups
    rewards = [reward for group in groups for reward in group.rewards]
    return {row.id: reward for row, reward in zip(rows, rewards, strict=True)}


def compare_replayed_rollout(
    row: Rollout, replayed: Rollout, tokens: bool, paid: float
) -> ReplayVerdict:
    """Compare a recorded rollout with its replay. `tokens` says whether the tokens were equal,
    `paid` is the recomputed reward after the group filter.
    """
    differ = [name for name in COMPARED_FIELDS if getattr(row, name) != getattr(replayed, name)]
    frames = row.shown == replayed.shown
    reward = (row.parts, row.earned, row.paid) == (
        replayed.parts,
        replayed.earned,
        paid,
    ) and not differ
    wrong = "" if frames else _describe_first_difference(row.shown, replayed.shown)
    wrong = wrong or ("" if tokens else "the tool's replies make other tokens")
    wrong = wrong or (f"{differ[0]} differs" if differ else "")
    earned = (
        f"it earned {row.earned:g} and was paid {row.paid:g}; now {replayed.earned:g} and {paid:g}"
    )
    return ReplayVerdict(row.id, frames, tokens, reward, wrong or ("" if reward else earned))


def _describe_first_difference(was: Sequence[str], now: Sequence[str]) -> str:
    pairs = zip(was, now, strict=False)
    at = next(
        (n for n, (old_digest, new_digest) in enumerate(pairs) if old_digest != new_digest),
        min(len(was), len(now)),
    )
    return f"frame {at} is another picture ({len(was)} frames then, {len(now)} now)"


def write_replay_rules(file: Path, rules: ReplayRules) -> None:
    """Write the replay rules as JSON."""
    with atomic_file(file) as draft:
        draft.write_text(rules.model_dump_json(indent=2) + "\n")
