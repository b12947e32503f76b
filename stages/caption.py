"""Put the commentary of a video onto its clips, in the clips' own time."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from touchline import licence
from touchline.atomic import whole_folder
from touchline.chat.commentary import align, overlapped
from touchline.chat.dialogue import Dialogue
from touchline.config import Params, run
from touchline.ledger import Ledger
from touchline.records import Caption, Clip, Speech, read, write

REPEAT = "repeats the line before it"
OUTSIDE = "lies in no clip"


class CaptionParams(Params):
    collapse_repeats: bool


def main(
    caption: CaptionParams, dialogue: Dialogue, manifest: Path, clips: Path, captions: Path
) -> dict[str, float]:
    lines = read(manifest / "speech.parquet", Speech)
    every = read(clips / "clips.parquet", Clip)
    of_video = by_video(every)
    ledger, rows = Ledger(line.id for line in lines), []
    for line, repeats in marked(lines):
        if repeats and caption.collapse_repeats:
            ledger.drop(line.id, REPEAT)
            continue
        over = overlapped(line, of_video.get(line.video, []))
        found = [align(line, clip, dialogue.cut) for clip in over]
        rows += found
        end(ledger, line, len(found))
    rows.sort(key=lambda row: (row.clip, row.start, row.end))
    with whole_folder(captions) as draft:
        write(draft / "captions.parquet", Caption, rows)
        totals = ledger.close(draft / "ledger.parquet")
        licence.mark(draft, licence.of(every))
    return totals | {"captions": len(rows), "clips_with_captions": len({r.clip for r in rows})}


def by_video(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    return {
        video: list(group) for video, group in groupby(sorted(clips, key=_place), lambda c: c.video)
    }


def marked(lines: Iterable[Speech]) -> Iterator[tuple[Speech, bool]]:
    """Each line, by video and time, and whether it only repeats the one before it."""
    before: Speech | None = None
    for line in sorted(lines, key=lambda line: (line.video, line.start, line.end)):
        same = before is not None and (before.video, before.text) == (line.video, line.text)
        yield line, same
        before = line


def end(ledger: Ledger, line: Speech, clips: int) -> None:
    if clips > 1:
        ledger.split(line.id, f"into {clips} clips")
    elif clips == 1:
        ledger.keep(line.id)
    else:
        ledger.drop(line.id, OUTSIDE)


def _place(clip: Clip) -> tuple[str, float, float]:
    return clip.video, clip.start, clip.end


if __name__ == "__main__":
    run(main)
