"""Commentary over a clip: which lines belong to it, when, and how they stand in a question."""

import json
import math
from collections.abc import Sequence

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import render_prompt
from touchline.chat.timecode import format_time
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.speech import Speech


def find_overlapping_clips(line: Speech, clips: Sequence[Clip]) -> list[Clip]:
    """Clips that share time with [start, end) of the line: the rule of the spotting paper."""
    return [clip for clip in clips if line.start < clip.end and line.end > clip.start]


def align_to_clip(line: Speech, clip: Clip, cut: bool) -> Caption:
    """The line in seconds of the clip, cut to it or from its own start to its own end."""
    start, end = line.start, line.end
    if cut:
        start, end = max(start, clip.start), min(end, clip.end)
    start, end = round(start - clip.start, 3), round(end - clip.start, 3)
    return Caption(f"{line.id}@{clip.start:g}", clip.id, start, end, line.text, line.origin)


def format_commentary(lines: Sequence[Caption], dialogue: Dialogue, clip: Clip) -> str:
    """The lines in words, times in whole seconds; in the paper's manner [start, end, text] each."""
    if not lines:
        return ""
    zero = dialogue.clock_offset(clip)
    timed = [
        [_format_floored_time(zero + line.start), _format_floored_time(zero + line.end), line.text]
        for line in lines
    ]
    plain = "\n".join(f"{start}-{end} {text}" for start, end, text in timed)
    said = plain if dialogue.thinks else json.dumps(timed, ensure_ascii=False)
    return render_prompt(dialogue.prompt("commentary"), lines=said) + "\n"


def _format_floored_time(seconds: float) -> str:
    """To the whole second before, as the paper has it; nothing begins before 0:00."""
    return format_time(max(0, math.floor(seconds + 1e-6)))
