"""Stage: assign the commentary lines of each video to its clips, in clip time."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from touchline import licence
from touchline.atomic import atomic_folder
from touchline.chat.commentary import align_to_clip, find_overlapping_clips
from touchline.chat.dialogue import Dialogue
from touchline.config import Params, run_stage
from touchline.ledger import RowLedger
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.speech import Speech
from touchline.records.table import read_records, write_records

REPEAT_REASON = "repeats the line before it"
OUTSIDE_REASON = "lies in no clip"


class CaptionParams(Params):
    """Params section `caption`."""

    collapse_repeats: bool


def main(
    caption: CaptionParams, dialogue: Dialogue, manifest: Path, clips: Path, captions: Path
) -> dict[str, float]:
    """Write captions.parquet: one row per line of commentary and clip, with times in seconds of the
    clip. Returns the stage's metrics.
    """
    lines = read_records(manifest / "speech.parquet", Speech)
    all_clips = read_records(clips / "clips.parquet", Clip)
    clips_of_video = group_clips_by_video(all_clips)
    ledger, rows = RowLedger(line.id for line in lines), []
    for line, repeats in mark_repeated_lines(lines):
        if repeats and caption.collapse_repeats:
            ledger.drop(line.id, REPEAT_REASON)
            continue
        overlapping = find_overlapping_clips(line, clips_of_video.get(line.video, []))
        clip_lines = [align_to_clip(line, clip, dialogue.cut) for clip in overlapping]
        rows += clip_lines
        record_line_fate(ledger, line, len(clip_lines))
    rows.sort(key=lambda row: (row.clip, row.start, row.end))
    with atomic_folder(captions) as draft:
        write_records(draft / "captions.parquet", Caption, rows)
        totals = ledger.close(draft / "ledger.parquet")
        licence.write_product_terms(draft, licence.collect_source_terms(all_clips))
    return totals | {"captions": len(rows), "clips_with_captions": len({r.clip for r in rows})}


def group_clips_by_video(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """{video id: its clips by time}."""
    return {
        video: list(group)
        for video, group in groupby(sorted(clips, key=_clip_sort_key), lambda c: c.video)
    }


def mark_repeated_lines(lines: Iterable[Speech]) -> Iterator[tuple[Speech, bool]]:
    """Yield (line, repeats) by video and time; `repeats` is True if the text equals the previous
    line's.
    """
    previous: Speech | None = None
    for line in sorted(lines, key=lambda line: (line.video, line.start, line.end)):
        is_repeat = previous is not None and (previous.video, previous.text) == (
            line.video,
            line.text,
        )
        yield line, is_repeat
        previous = line


def record_line_fate(ledger: RowLedger, line: Speech, clips: int) -> None:
    """Record in the ledger whether the line went into several clips, one, or none."""
    if clips > 1:
        ledger.split(line.id, f"into {clips} clips")
    elif clips == 1:
        ledger.keep(line.id)
    else:
        ledger.drop(line.id, OUTSIDE_REASON)


def _clip_sort_key(clip: Clip) -> tuple[str, float, float]:
    return clip.video, clip.start, clip.end


if __name__ == "__main__":
    run_stage(main)
