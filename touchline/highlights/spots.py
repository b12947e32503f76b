"""From answers to places of the reel: merge them, tell the teams, choose, and lay out the cuts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from touchline.chat.timecode import spoken
from touchline.highlights.cut_video import Cut, starts
from touchline.highlights.match import Part
from touchline.highlights.model import Model
from touchline.highlights.teams import Sides, Told
from touchline.highlights.watch import Answered
from touchline.highlights.wish import Wish
from touchline.tasks.spotting import intervals


@dataclass(frozen=True)
class Highlight:
    """One action that was found; times in seconds."""

    action: str
    file: str
    period: int  # 0: not known
    start: float  # of the file
    end: float
    match_start: float  # on the match clock
    match_end: float
    reel_start: float  # where the reel shows `start` and `end`
    reel_end: float
    votes: int  # clips that found it
    looks: int  # clips that show it
    answers: tuple[str, ...]  # ids
    team: str  # home, away, or "": not told
    told_by: str  # how one knows, or why not; "" where nothing could tell


@dataclass(frozen=True)
class Omitted:
    """An action that was found and is not in the reel, for it is not known to be the team's."""

    action: str
    file: str
    start: float  # of the file
    end: float
    match_start: float
    team: str
    told_by: str


@dataclass(frozen=True)
class Made:
    """What came of a request; `reel` is None when nothing was found."""

    wish: Wish
    highlights: tuple[Highlight, ...]
    omitted: tuple[Omitted, ...]
    cuts: tuple[Cut, ...]
    notes: tuple[str, ...]
    reel: Path | None
    json: Path
    page: Path


Interval = tuple[float, float]
TOUCH = 0.5  # seconds: an interval that comes this near to its clip's border may be cut by it
SHARED = 0.5  # share of the shorter interval that must overlap for two to be one action


@dataclass(frozen=True)
class Said:
    """One interval of one answer, in seconds of the file."""

    clip: Interval
    start: float
    end: float
    answer: str  # id of the answer

    @property
    def whole(self) -> bool:
        """Neither end lies at the border of its clip."""
        return self.start > self.clip[0] + TOUCH and self.end < self.clip[1] - TOUCH


@dataclass(frozen=True)
class Found:
    """One action of a file: when, and how many of the clips that show its middle say so."""

    start: float
    end: float
    votes: int
    looks: int
    answers: tuple[str, ...]


def merged(said: Sequence[Said], clips: Sequence[Interval], least: float) -> list[Found]:
    """Intervals that overlap by half of the shorter are one action, by time.

    Its bounds are the medians of the intervals that no clip's border cuts, or where there is none
    the union of the pieces. At least the share `least` of the clips must have said it.
    """
    groups: list[list[Said]] = []
    for one in sorted(said, key=lambda one: (one.start + one.end, one.start)):
        near = [group for group in groups if any(_same(one, other) for other in group)]
        if near:
            near[-1].append(one)
        else:
            groups.append([one])
    found = [_found(group, clips) for group in groups]
    return [one for one in found if one.votes >= least * one.looks - 1e-9]


def _same(one: Said, other: Said) -> bool:
    overlap = min(one.end, other.end) - max(one.start, other.start)
    return overlap >= SHARED * min(one.end - one.start, other.end - other.start)


def _found(group: Sequence[Said], clips: Sequence[Interval]) -> Found:
    whole = [one for one in group if one.whole]
    if whole:
        start, end = median(one.start for one in whole), median(one.end for one in whole)
    else:
        start, end = min(one.start for one in group), max(one.end for one in group)
    middle = (start + end) / 2
    votes = len({one.clip for one in group})
    looks = sum(low <= middle < high for low, high in clips)
    answers = tuple(sorted({one.answer for one in group}))
    return Found(start, end, votes, max(looks, votes), answers)


@dataclass(frozen=True)
class Spot:
    """An action that was found in a part of the match."""

    part: Part
    action: str
    found: Found
    told: Told


def spots(
    answers: Sequence[Answered],
    chosen: Sequence[Part],
    wish: Wish,
    model: Model,
    least: float,
    sides: Sides,
) -> list[Spot]:
    """Merged actions whose middle lies in what was asked for, by time of the match."""
    found = []
    for part in chosen:
        mine = [row for row in answers if row[0].shown.path == part.shown.path]
        clips = sorted({(clip.start, clip.end) for _, clip, _, _ in mine})
        for action in wish.actions:
            said = [one for row in mine if row[2].action == action for one in _said(row, model)]
            for one in merged(said, clips, least):
                if part.start <= (one.start + one.end) / 2 < part.end:
                    found.append(_spot(part, action, one, sides))
    return sorted(found, key=lambda s: (chosen.index(s.part), s.found.start, s.action))


def _spot(part: Part, action: str, found: Found, sides: Sides) -> Spot:
    whose = Told("", "")
    if sides.any:
        whose = sides.tell(action, part.shown.path, found.start, found.end, part)
    return Spot(part, action, found, whose)


def _said(row: Answered, model: Model) -> list[Said]:
    one, clip, asked, answer = row
    within = [
        (max(0.0, start) + clip.start, min(clip.end - clip.start, end) + clip.start)
        for start, end in intervals(answer.answer, model.trained.dialogue.zero(clip))
    ]
    bounds = (clip.start, clip.end)
    return [
        Said(bounds, start, min(end, one.shown.end), asked.id)
        for start, end in within
        if start < end
    ]


def chosen(found: Sequence[Spot], wish: Wish, keep: bool) -> tuple[list[Spot], list[Spot]]:
    """(the reel's, those left out for their team); of the first at most so many as asked for.

    `keep`: those whose team nothing tells stay in.
    """
    right = {wish.team, ""} if keep else {wish.team}
    ours = [spot for spot in found if not wish.team or spot.told.team in right]
    others = [spot for spot in found if spot not in ours]
    if wish.most:
        ours = ours[-wish.most :] if wish.latest else ours[: wish.most]
    return ours, others


def cuts(found: Sequence[Spot], before: float, after: float) -> tuple[list[Cut], list[int]]:
    """Exact stretches with their margins; those that overlap are one. And which cut is whose."""
    made: list[Cut] = []
    places: list[int] = []
    for spot in found:
        shown, part = spot.part.shown, spot.part
        start = max(0.0, spot.found.start - before)
        first, last = shown.exact(start, min(spot.found.end + after, shown.end))
        title = f"{spot.action} {spoken(round(part.match_time(spot.found.start)))}"
        last_cut = made[-1] if made else None
        if last_cut and last_cut.shown.path == shown.path and first <= last_cut.end:
            end = max(last_cut.end, last)
            made[-1] = Cut(shown, last_cut.start, end, f"{last_cut.title}, {title}")
        else:
            made.append(Cut(shown, first, last, title))
        places.append(len(made) - 1)
    return made, places


def highlight(spot: Spot, made: Sequence[Cut], at: int) -> Highlight:
    """The spot as it stands in cut number `at` of the reel."""
    offset = starts(made)[at] - made[at].start
    start, end = spot.found.start, spot.found.end
    return Highlight(
        spot.action,
        spot.part.shown.path.name,
        spot.part.period,
        *(start, end, spot.part.match_time(start), spot.part.match_time(end)),
        *(start + offset, min(end, made[at].end) + offset),
        *(spot.found.votes, spot.found.looks, spot.found.answers),
        *(spot.told.team, spot.told.why),
    )


def omitted(spot: Spot) -> Omitted:
    """The spot as one that is left out."""
    found, part = spot.found, spot.part
    at = part.match_time(found.start)
    where = (spot.action, part.shown.path.name, found.start, found.end, at)
    return Omitted(*where, spot.told.team, spot.told.why)
