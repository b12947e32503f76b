"""The commentary of a clip in the words that a model is given."""

import json
import math
from collections.abc import Sequence

from touchline.clock import spoken
from touchline.dialogue import Dialogue
from touchline.prompts import render
from touchline.records import Caption, Clip


def commentary(lines: Sequence[Caption], dialogue: Dialogue, clip: Clip) -> str:
    """The lines in words, times in whole seconds; in the paper's manner [start, end, text] each."""
    if not lines:
        return ""
    zero = dialogue.zero(clip)
    timed = [[_floored(zero + line.start), _floored(zero + line.end), line.text] for line in lines]
    plain = "\n".join(f"{start}-{end} {text}" for start, end, text in timed)
    said = plain if dialogue.thinks else json.dumps(timed, ensure_ascii=False)
    return render(dialogue.prompt("commentary"), lines=said) + "\n"


def _floored(seconds: float) -> str:
    """To the whole second before, as the paper has it; nothing begins before 0:00."""
    return spoken(max(0, math.floor(seconds + 1e-6)))
