"""The fixed phrases of our conversations, each to become one token of a small tokenizer."""

import json
from collections.abc import Iterable

from transformers.utils.chat_template_utils import render_jinja_template
from trl.chat_template_utils import qwen3_vl_chat_template

from touchline.chat.messages import TOOLS
from touchline.chat.prompts import fragments, words
from touchline.chat.timecode import spoken
from touchline.chat.tools.choose_frames import NAME
from touchline.sports import SPORTS
from touchline.tasks.choice import option

LONGEST = 60  # seconds: times up to here are one token each
SAID = (
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
LETTERED = (" A", " B", " C", " D")
HEDGED = (" roughly",)  # where the lessons have it
ROLES = ("system\n", "user\n", "assistant\n")
JOINTS = (", ", ").", "!, ", ". So", "!. So", ": ", " to ", "<think>\n", ".\n</think>\n\n")


def phrases(texts: Iterable[str]) -> list[str]:
    """Longest first, since the first that fits is taken: tools, questions, calls, words, times.

    Of the sports, those that the texts name: each word of theirs is one more token.
    """
    questions = [part.rstrip() for task in QUESTIONS for part in fragments(task)]
    times = [spoken(second) for second in range(LONGEST + 1)]
    told = "\n".join(texts)
    chosen = [sport for sport in SPORTS.values() if sport.name in told]
    sport = [f" {word}" for s in chosen for word in [s.name, s.idle, *s.words.values()]]
    options = [f" {option(word)}" for s in chosen for word in s.words.values()]
    every = {
        _system(),
        *_call_pieces(),
        *questions,
        *SAID,
        *LETTERED,
        *ROLES,
        *JOINTS,
        *(word for word in HEDGED if word in told),
        *times,
        *sport,
        *options,
        *NUMBERS,
    }
    return sorted(every - {""}, key=lambda phrase: (-len(phrase), phrase))


QUESTIONS = ("spotting", "counting", "choice", "open")


def _system() -> str:
    """What stands in the system turn: the instructions and the tool, always the same."""
    talk = [{"role": "system", "content": words("instructions")}]
    rendered, _ = render_jinja_template([talk], tools=TOOLS, chat_template=qwen3_vl_chat_template)
    return rendered[0].split("<|im_start|>system\n")[1].split("<|im_end|>")[0]


def _call_pieces() -> list[str]:
    head = f'<tool_call>\n{json.dumps({"name": NAME})[:-1]}, "arguments": {{"start": "'
    return [head, '", "end": "', '"}}\n</tool_call>', "\n<tool_response>\n", "\n</tool_response>"]
