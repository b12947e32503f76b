"""Commentary of a clip: select its lines, convert their times, and format them for a question."""

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
    """The clips that share time with the half-open interval [line.start, line.end)."""
    return [clip for clip in clips if line.start < clip.end and line.end > clip.start]


def align_to_clip(line: Speech, clip: Clip, cut: bool) -> Caption:
    """The line as a Caption in seconds from the clip's start, rounded to milliseconds. With `cut`
    its times are clipped to the clip; otherwise they may lie outside it.
    """
    start, end = line.start, line.end
    if cut:
        start, end = max(start, clip.start), min(end, clip.end)
    start, end = round(start - clip.start, 3), round(end - clip.start, 3)
    return Caption(
        id=f"{line.id}@{clip.start:g}",
        clip=clip.id,
        start=start,
        end=end,
        text=line.text,
        origin=line.origin,
    )


def format_commentary(lines: Sequence[Caption], dialogue: Dialogue, clip: Clip) -> str:
    """The commentary block of a question, or '' without lines. Times are floored to whole seconds.

    The thinking style has one `start-end text` per line; the spotting paper's style a JSON list of
    [start, end, text].
    """
    if not lines:
        return ""
    offset = dialogue.clock_offset(clip)
    timed = [
        [
            _format_floored_time(offset + line.start),
            _format_floored_time(offset + line.end),
            line.text,
        ]
        for line in lines
    ]
    plain_text = "\n".join(f"{start}-{end} {text}" for start, end, text in timed)
    lines_text = plain_text if dialogue.thinks else json.dumps(timed, ensure_ascii=False)
    return render_prompt(dialogue.prompt_name("commentary"), lines=lines_text) + "\n"


def _format_floored_time(seconds: float) -> str:
    """To the whole second before, as the paper has it; nothing begins before 0:00."""
    return format_time(max(0, math.floor(seconds + 1e-6)))
