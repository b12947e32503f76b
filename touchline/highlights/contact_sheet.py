"""The contact sheet of a reel: an HTML page with a timeline, frame strips, and the model's answers
for each highlight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.Image import Image

from touchline.chat.timecode import format_time
from touchline.highlights.model import HighlightModel
from touchline.highlights.spots import Highlight, ReelResult
from touchline.highlights.watch import ClipAnswer, MatchFile
from touchline.highlights.wish import TeamNames
from touchline.html_page.template import FrameStylesheet, write_html_page
from touchline.records.clip import Clip
from touchline.records.trajectory import Trajectory
from touchline.report.steps import AttemptStep, parse_attempt_steps

STRIP_FRAMES = 8  # pictures of a strip
COLOURS = ("#169c7b", "#2f7fd1", "#d9912b", "#a0529b", "#d0584b", "#7b6fb0", "#6a737c")


@dataclass(frozen=True)
class TimelineMark:
    """A highlight on the timeline of its file, in percent."""

    left: float
    width: float
    colour: str
    title: str
    number: int


@dataclass(frozen=True)
class FileTimeline:
    """Timeline of one video file: the stretches shown to the model and the highlights."""

    name: str
    length: float  # seconds
    asked: list[tuple[float, float]]  # percent: what the model was shown
    marks: list[TimelineMark]


@dataclass(frozen=True)
class HighlightCard:
    """One highlight on the page: its frame strip and the answers that reported it."""

    number: int
    highlight: Highlight
    colour: str
    strip: list[tuple[float, str, int]]  # second of the match clock, class, width
    answers: list[tuple[Clip, Trajectory, list[AttemptStep]]]


def write_contact_sheet(
    path: Path,
    request: str,
    result: ReelResult,
    answers: Sequence[ClipAnswer],
    model: HighlightModel,
    clubs: TeamNames,
) -> None:
    """Write the contact sheet as one self-contained HTML file."""
    films = {entry.frame_index.path.name: entry for entry, _, _, _ in answers}
    clips = {entry.frame_index.path.name: clip for entry, clip, _, _ in answers}
    by_sha = {entry.sha256: entry for entry in films.values()}

    def fetch(clip: Clip, time: float) -> Image:
        return by_sha[clip.video].store.images(clip.video, [time])[0]

    pictures = FrameStylesheet(fetch, ())
    shade = {word: COLOURS[i % len(COLOURS)] for i, word in enumerate(result.wish.actions)}
    cards = [
        _build_highlight_card(number, entry, shade, films, clips, pictures, answers)
        for number, entry in enumerate(result.highlights, 1)
    ]
    lanes = [_build_file_timeline(entry, result, answers, shade) for entry in films.values()]
    write_html_page(
        path,
        Path(__file__).with_name("highlights.html"),
        request=request,
        made=result,
        said=result.wish.describe(),
        shade=shade,
        lanes=lanes,
        cards=cards,
        pictures=pictures.css(),
        model=model,
        clubs=clubs,
        seconds=sum(cut.length for cut in result.cuts),
        asked=len(answers),
    )


def _build_file_timeline(
    match_file: MatchFile, result: ReelResult, answers: Sequence[ClipAnswer], shade: dict[str, str]
) -> FileTimeline:
    percent = 100 / match_file.frame_index.end
    clip_spans = sorted({(c.start, c.end) for f, c, _, _ in answers if f is match_file})
    marks = [
        TimelineMark(
            h.start * percent, (h.end - h.start) * percent, shade[h.action], _mark_title(h), number
        )
        for number, h in enumerate(result.highlights, 1)
        if h.file == match_file.frame_index.path.name
    ]
    asked_spans = [
        (start * percent, (end - start) * percent) for start, end in _join_spans(clip_spans)
    ]
    return FileTimeline(
        match_file.frame_index.path.name, match_file.frame_index.end, asked_spans, marks
    )


def _mark_title(highlight: Highlight) -> str:
    return f"{highlight.action} {format_time(round(highlight.match_start))}"


def _join_spans(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _build_highlight_card(
    number: int,
    highlight: Highlight,
    shade: dict[str, str],
    films: dict[str, MatchFile],
    clips: dict[str, Clip],
    pictures: FrameStylesheet,
    answers: Sequence[ClipAnswer],
) -> HighlightCard:
    film, clip = films[highlight.file], clips[highlight.file]
    times = film.store.times(film.sha256)
    strip_times = np.linspace(highlight.start, highlight.end, STRIP_FRAMES)
    nearest = np.unique(np.abs(times[None] - strip_times[:, None]).argmin(axis=1))
    strip = [
        (float(round(float(times[at]) + highlight.match_start - highlight.start)), *shown)
        for at in nearest
        if (shown := pictures.show(clip, float(times[at])))
    ]
    highlight_answers = [
        (c, a, parse_attempt_steps(a)) for _, c, q, a in answers if q.id in highlight.answers
    ]
    return HighlightCard(number, highlight, shade[highlight.action], strip, highlight_answers)
