"""Phrases of our conversations that become single tokens of the tiny model's tokenizer."""

import json
from collections.abc import Iterable

from transformers.utils.chat_template_utils import render_jinja_template
from trl.chat_template_utils import qwen3_vl_chat_template

from touchline.chat.messages import TOOLS
from touchline.chat.prompts import read_prompt, split_prompt_fragments
from touchline.chat.timecode import format_time
from touchline.chat.tools.choose_frames import TOOL_NAME
from touchline.sports import SPORTS
from touchline.tasks.choice import format_option

LONGEST_SECOND = 60  # seconds: times up to here are one token each
ANSWER_PHRASES = (
    " occurs at (",
    " occurs in this clip.",
    "No",
    "A",
    ", then a",
    ", then an",
    " then",
    " rally",
)
NUMBERS = tuple(f" #{number}" for number in range(1, 10))
OPTION_LETTERS = (" A", " B", " C", " D")
HEDGE_WORDS = (" roughly",)  # where the lessons have it
ROLES = ("system\n", "user\n", "assistant\n")
SEPARATORS = (", ", ").", "!, ", ". So", "!. So", ": ", " to ", "<think>\n", ".\n</think>\n\n")


def list_vocabulary_phrases(texts: Iterable[str]) -> list[str]:
    """Fixed phrases (tool schema, question texts, call markup, sport words, times), longest first
    because the tokenizer takes the first that fits.

    Only sports whose name occurs in `texts` contribute words, since each word costs a token.
    """
    questions = [
        part.rstrip() for task in QUESTION_PROMPTS for part in split_prompt_fragments(task)
    ]
    times = [format_time(second) for second in range(LONGEST_SECOND + 1)]
    joined_texts = "\n".join(texts)
    mentioned_sports = [sport for sport in SPORTS.values() if sport.name in joined_texts]
    sport = [f" {word}" for s in mentioned_sports for word in [s.name, s.idle, *s.words.values()]]
    options = [f" {format_option(word)}" for s in mentioned_sports for word in s.words.values()]
    unique_phrases = {
        _system_turn(),
        *_call_pieces(),
        *questions,
        *ANSWER_PHRASES,
        *OPTION_LETTERS,
        *ROLES,
        *SEPARATORS,
        *(word for word in HEDGE_WORDS if word in joined_texts),
        *times,
        *sport,
        *options,
        *NUMBERS,
    }
    return sorted(unique_phrases - {""}, key=lambda phrase: (-len(phrase), phrase))


QUESTION_PROMPTS = ("spotting", "counting", "choice", "open")


def _system_turn() -> str:
    """What stands in the system turn: the instructions and the tool, always the same."""
    messages = [{"role": "system", "content": read_prompt("instructions")}]
    rendered, _ = render_jinja_template(
        [messages], tools=TOOLS, chat_template=qwen3_vl_chat_template
    )
    return rendered[0].split("<|im_start|>system\n")[1].split("<|im_end|>")[0]


def _call_pieces() -> list[str]:
    head = f'<tool_call>\n{json.dumps({"name": TOOL_NAME})[:-1]}, "arguments": {{"start": "'
    return [head, '", "end": "', '"}}\n</tool_call>', "\n<tool_response>\n", "\n</tool_response>"]
