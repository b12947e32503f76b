"""From answers to places of the reel: merge them, tell the teams, choose, and lay out the cuts."""

from collections.abc import Sequence
from dataclasses import dataclass

from touchline.clock import spoken
from touchline.highlights.film import Cut, starts
from touchline.highlights.made import Highlight, Omitted
from touchline.highlights.match import Part
from touchline.highlights.merge import Found, Said, merged
from touchline.highlights.model import Model
from touchline.highlights.sides import Sides, Told
from touchline.highlights.watch import Answered
from touchline.highlights.wish import Wish
from touchline.tasks.spotting import intervals


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
