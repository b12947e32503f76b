"""Multiple choice of two to eight options; the answer is letter and option: `B. Travelling`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from touchline.chat.prompts import render_prompt
from touchline.chat.timecode import format_time
from touchline.errors import InputError
from touchline.tasks.scene import ClipScene
from touchline.tasks.task import QuestionDraft, QuestionRules, Task, draft_ready_questions

LETTERS = "ABCDEFGH"
VARIANTS_PER_CALL = 3  # questions per call, each with options of its own


def draft_choice_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """Questions the source provides, with lettered options; else, for a clip with a single
    call of a sport that is asked for its calls, VARIANTS_PER_CALL generated ones.
    """
    alone = len(scene.actions) == len(scene.actions_inside()) == 1
    if scene.sport.asks_for_call and scene.may_generate("choice") and alone:
        return [_draft_call_question(scene, random) for _ in range(VARIANTS_PER_CALL)]
    ready = draft_ready_questions(scene, "choice", rules)
    return [_letter_draft(draft, scene.clip.id) for draft in ready]


def _letter_draft(draft: QuestionDraft, clip: str) -> QuestionDraft:
    if len(draft.options) > len(LETTERS):
        wrong = f"the question {draft.text!r:.80} has {len(draft.options)} options"
        raise InputError(clip, wrong, f"give at most {len(LETTERS)}, {LETTERS[0]} to {LETTERS[-1]}")
    text = f"{draft.text} {format_lettered_options(draft.options)}"
    return replace(draft, text=text, truth=format_choice_answer(draft.options, draft.truth))


def _draft_call_question(scene: ClipScene, random: Random) -> QuestionDraft:
    (call,) = scene.actions
    others = random.sample(sorted(set(scene.sport.words.values()) - {call.word}), 3)
    options = [format_option(word) for word in random.sample([call.word, *others], 4)]
    text = render_prompt(
        "choice",
        sport=scene.sport.name,
        length=format_time(scene.length),
        options=format_lettered_options(options),
    )
    span = (max(0.0, call.start), min(scene.length, call.end))
    right = format_choice_answer(options, format_option(call.word))
    return QuestionDraft(text, right, options=tuple(options), evidence=(span,))


def format_option(word: str) -> str:
    """A word with a capital first letter, so that a model can tell options from words in its
    frames' descriptions.
    """
    return word.capitalize()


def format_lettered_options(options: Sequence[str]) -> str:
    """The options as text: 'A Travelling; B Charging; ...'. At most as many as LETTERS."""
    letters = LETTERS[: len(options)]
    return "; ".join(f"{letter} {text}" for letter, text in zip(letters, options, strict=True))


def format_choice_answer(options: Sequence[str], right_option: str) -> str:
    """The answer text 'B. Travelling' for the right option."""
    return f"{LETTERS[list(options).index(right_option)]}. {right_option}"


def parse_option_letter(answer: str) -> str:
    """The letter A-H that an answer begins with, or ''."""
    match = re.match(rf"\s*\(?([{LETTERS}])\b", answer)
    return match[1] if match else ""


def score_choice(answer: str, truth: str) -> float:
    """1.0 if both begin with the same letter, else 0.0."""
    return float(parse_option_letter(answer) == parse_option_letter(truth) != "")


CHOICE = Task("choice", draft_choice_questions, score_choice, level="rules")
