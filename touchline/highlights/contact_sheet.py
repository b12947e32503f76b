"""The contact sheet of a reel: what was found when, in pictures, and why the model says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.Image import Image

from touchline.chat.timecode import spoken
from touchline.highlights.model import Model
from touchline.highlights.spots import Highlight, Made
from touchline.highlights.watch import Answered, Film
from touchline.highlights.wish import Clubs
from touchline.records import Clip, Trajectory
from touchline.report.steps import Step, steps
from touchline.report.template import Pictures, write_page

FRAMES = 8  # pictures of a strip
COLOURS = ("#169c7b", "#2f7fd1", "#d9912b", "#a0529b", "#d0584b", "#7b6fb0", "#6a737c")


@dataclass(frozen=True)
class Mark:
    """A highlight on the timeline of its file, in percent."""

    left: float
    width: float
    colour: str
    title: str
    number: int


@dataclass(frozen=True)
class Lane:
    name: str
    length: float  # seconds
    asked: list[tuple[float, float]]  # percent: what the model was shown
    marks: list[Mark]


@dataclass(frozen=True)
class Card:
    number: int
    highlight: Highlight
    colour: str
    strip: list[tuple[float, str, int]]  # second of the match clock, class, width
    answers: list[tuple[Clip, Trajectory, list[Step]]]


def write_sheet(
    path: Path,
    request: str,
    made: Made,
    answers: Sequence[Answered],
    model: Model,
    clubs: Clubs,
) -> None:
    """Write the page: one offline file."""
    films = {one.shown.path.name: one for one, _, _, _ in answers}
    clips = {one.shown.path.name: clip for one, clip, _, _ in answers}
    by_sha = {one.sha256: one for one in films.values()}

    def fetch(clip: Clip, time: float) -> Image:
        return by_sha[clip.video].store.images(clip.video, [time])[0]

    pictures = Pictures(fetch, ())
    shade = {word: COLOURS[i % len(COLOURS)] for i, word in enumerate(made.wish.actions)}
    cards = [
        _card(number, one, shade, films, clips, pictures, answers)
        for number, one in enumerate(made.highlights, 1)
    ]
    lanes = [_lane(one, made, answers, shade) for one in films.values()]
    write_page(
        path,
        "highlights.html",
        request=request,
        made=made,
        said=made.wish.said(),
        shade=shade,
        lanes=lanes,
        cards=cards,
        pictures=pictures.css(),
        model=model,
        clubs=clubs,
        seconds=sum(cut.length for cut in made.cuts),
        asked=len(answers),
    )


def _lane(one: Film, made: Made, answers: Sequence[Answered], shade: dict[str, str]) -> Lane:
    percent = 100 / one.shown.end
    seen = sorted({(c.start, c.end) for f, c, _, _ in answers if f is one})
    marks = [
        Mark(h.start * percent, (h.end - h.start) * percent, shade[h.action], _title(h), number)
        for number, h in enumerate(made.highlights, 1)
        if h.file == one.shown.path.name
    ]
    asked = [(start * percent, (end - start) * percent) for start, end in _joined(seen)]
    return Lane(one.shown.path.name, one.shown.end, asked, marks)


def _title(one: Highlight) -> str:
    return f"{one.action} {spoken(round(one.match_start))}"


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _card(
    number: int,
    one: Highlight,
    shade: dict[str, str],
    films: dict[str, Film],
    clips: dict[str, Clip],
    pictures: Pictures,
    answers: Sequence[Answered],
) -> Card:
    film, clip = films[one.file], clips[one.file]
    times = film.store.times(film.sha256)
    wanted = np.linspace(one.start, one.end, FRAMES)
    nearest = np.unique(np.abs(times[None] - wanted[:, None]).argmin(axis=1))
    strip = [
        (float(round(float(times[at]) + one.match_start - one.start)), *shown)
        for at in nearest
        if (shown := pictures.show(clip, float(times[at])))
    ]
    mine = [(c, a, steps(a)) for _, c, q, a in answers if q.id in one.answers]
    return Card(number, one, shade[one.action], strip, mine)
