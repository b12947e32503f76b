"""From model answers to the reel: merge them into actions, attribute teams, choose, and lay out the
cuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from touchline.chat.timecode import format_time
from touchline.highlights.cut_video import ReelCut, list_cut_starts
from touchline.highlights.match import MatchPart
from touchline.highlights.model import HighlightModel
from touchline.highlights.teams import TeamAttribution, TeamEvidence
from touchline.highlights.watch import ClipAnswer
from touchline.highlights.wish import ReelQuery
from touchline.tasks.spotting import parse_intervals


@dataclass(frozen=True)
class Highlight:
    """One action in the reel; becomes an entry of `highlights` in the reel's JSON. Times in
    seconds.
    """

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
class OmittedAction:
    """An action that was found but left out of the reel, because it is the other team's or its team
    is unknown.
    """

    action: str
    file: str
    start: float  # of the file
    end: float
    match_start: float
    team: str
    told_by: str


@dataclass(frozen=True)
class ReelResult:
    """Result of `make_reel`: what was understood, found and cut, and the files written. `reel` is
    None if nothing was found.
    """

    wish: ReelQuery
    highlights: tuple[Highlight, ...]
    omitted: tuple[OmittedAction, ...]
    cuts: tuple[ReelCut, ...]
    notes: tuple[str, ...]
    reel: Path | None
    json: Path
    page: Path


Interval = tuple[float, float]
BORDER_SECONDS = (
    0.5  # seconds: an interval that comes this near to its clip's border may be cut by it
)
MIN_OVERLAP_SHARE = 0.5  # share of the shorter interval that must overlap for two to be one action


@dataclass(frozen=True)
class ClaimedInterval:
    """One interval claimed in one model answer, in seconds of the file."""

    clip: Interval
    start: float
    end: float
    answer: str  # id of the answer

    @property
    def is_uncut(self) -> bool:
        """Whether neither end lies at the border of its clip, so that the clip did not cut the
        action off.
        """
        return (
            self.start > self.clip[0] + BORDER_SECONDS and self.end < self.clip[1] - BORDER_SECONDS
        )


@dataclass(frozen=True)
class Detection:
    """One merged action in a file: its interval in seconds, how many clips reported it (`votes`)
    and how many clips show its middle (`looks`).
    """

    start: float
    end: float
    votes: int
    looks: int
    answers: tuple[str, ...]


def merge_claimed_intervals(
    claims: Sequence[ClaimedInterval], clips: Sequence[Interval], least: float
) -> list[Detection]:
    """Group intervals that overlap by at least half of the shorter one. Returns one detection per
    group, by time.

    A detection's bounds are the medians of the intervals that are not cut off by a clip border, or
    the union of the group if all are. Detections with votes below `least` (a share) of the clips
    that show them are dropped.
    """
    groups: list[list[ClaimedInterval]] = []
    for interval in sorted(
        claims, key=lambda interval: (interval.start + interval.end, interval.start)
    ):
        near = [
            group for group in groups if any(_is_same_action(interval, other) for other in group)
        ]
        if near:
            near[-1].append(interval)
        else:
            groups.append([interval])
    detections = [_detection_of_group(group, clips) for group in groups]
    return [interval for interval in detections if interval.votes >= least * interval.looks - 1e-9]


def _is_same_action(interval: ClaimedInterval, other: ClaimedInterval) -> bool:
    overlap = min(interval.end, other.end) - max(interval.start, other.start)
    return overlap >= MIN_OVERLAP_SHARE * min(
        interval.end - interval.start, other.end - other.start
    )


def _detection_of_group(group: Sequence[ClaimedInterval], clips: Sequence[Interval]) -> Detection:
    uncut = [claim for claim in group if claim.is_uncut]
    if uncut:
        start, end = median(claim.start for claim in uncut), median(claim.end for claim in uncut)
    else:
        start, end = min(claim.start for claim in group), max(claim.end for claim in group)
    middle = (start + end) / 2
    votes = len({claim.clip for claim in group})
    looks = sum(low <= middle < high for low, high in clips)
    answers = tuple(sorted({claim.answer for claim in group}))
    return Detection(start, end, votes, max(looks, votes), answers)


@dataclass(frozen=True)
class SpottedAction:
    """An action found in a part of the match, with its team."""

    part: MatchPart
    action: str
    detection: Detection
    attribution: TeamAttribution


def find_spotted_actions(
    answers: Sequence[ClipAnswer],
    match_parts: Sequence[MatchPart],
    wish: ReelQuery,
    model: HighlightModel,
    least: float,
    sides: TeamEvidence,
) -> list[SpottedAction]:
    """Merge the answers into actions whose middle lies in the requested parts, in order of the
    match.

    `least`: share of the clips showing an action that must report it.
    """
    spotted = []
    for part in match_parts:
        file_answers = [row for row in answers if row[0].frame_index.path == part.frame_index.path]
        clips = sorted({(clip.start, clip.end) for _, clip, _, _ in file_answers})
        for action in wish.actions:
            claims = [
                interval
                for row in file_answers
                if row[2].action == action
                for interval in _claimed_intervals(row, model)
            ]
            for interval in merge_claimed_intervals(claims, clips, least):
                if part.start <= (interval.start + interval.end) / 2 < part.end:
                    spotted.append(_spotted_action(part, action, interval, sides))
    return sorted(spotted, key=lambda s: (match_parts.index(s.part), s.detection.start, s.action))


def _spotted_action(
    part: MatchPart, action: str, detection: Detection, sides: TeamEvidence
) -> SpottedAction:
    attribution = TeamAttribution("", "")
    if sides.is_available:
        attribution = sides.attribute_team(
            action, part.frame_index.path, detection.start, detection.end, part
        )
    return SpottedAction(part, action, detection, attribution)


def _claimed_intervals(row: ClipAnswer, model: HighlightModel) -> list[ClaimedInterval]:
    match_file, clip, question, answer = row
    spans = [
        (max(0.0, start) + clip.start, min(clip.end - clip.start, end) + clip.start)
        for start, end in parse_intervals(answer.answer, model.trained.dialogue.clock_offset(clip))
    ]
    bounds = (clip.start, clip.end)
    return [
        ClaimedInterval(bounds, start, min(end, match_file.frame_index.end), question.id)
        for start, end in spans
        if start < end
    ]


def choose_spotted_actions(
    spotted: Sequence[SpottedAction], wish: ReelQuery, keep: bool
) -> tuple[list[SpottedAction], list[SpottedAction]]:
    """Split actions by the requested team into (in the reel, left out), and apply the request's
    limit to the first list.

    `keep`: actions of unknown team stay in.
    """
    teams = {wish.team, ""} if keep else {wish.team}
    kept = [spot for spot in spotted if not wish.team or spot.attribution.team in teams]
    others = [spot for spot in spotted if spot not in kept]
    if wish.most:
        kept = kept[-wish.most :] if wish.latest else kept[: wish.most]
    return kept, others


def lay_out_cuts(
    spotted: Sequence[SpottedAction], before: float, after: float
) -> tuple[list[ReelCut], list[int]]:
    """Frame-exact cuts with margins of `before` and `after` seconds; overlapping ones are joined.
    Returns (cuts, index of the cut for each action).
    """
    reel_cuts: list[ReelCut] = []
    places: list[int] = []
    for spot in spotted:
        shown, part = spot.part.frame_index, spot.part
        start = max(0.0, spot.detection.start - before)
        first, last = shown.snap_to_frames(start, min(spot.detection.end + after, shown.end))
        title = f"{spot.action} {format_time(round(part.match_time(spot.detection.start)))}"
        last_cut = reel_cuts[-1] if reel_cuts else None
        if last_cut and last_cut.frame_index.path == shown.path and first <= last_cut.end:
            end = max(last_cut.end, last)
            reel_cuts[-1] = ReelCut(shown, last_cut.start, end, f"{last_cut.title}, {title}")
        else:
            reel_cuts.append(ReelCut(shown, first, last, title))
        places.append(len(reel_cuts) - 1)
    return reel_cuts, places


def build_highlight(spot: SpottedAction, reel_cuts: Sequence[ReelCut], at: int) -> Highlight:
    """Build the highlight of an action that lies in cut number `at` of the reel."""
    offset = list_cut_starts(reel_cuts)[at] - reel_cuts[at].start
    start, end = spot.detection.start, spot.detection.end
    return Highlight(
        action=spot.action,
        file=spot.part.frame_index.path.name,
        period=spot.part.period,
        start=start,
        end=end,
        match_start=spot.part.match_time(start),
        match_end=spot.part.match_time(end),
        reel_start=start + offset,
        reel_end=min(end, reel_cuts[at].end) + offset,
        votes=spot.detection.votes,
        looks=spot.detection.looks,
        answers=spot.detection.answers,
        team=spot.attribution.team,
        told_by=spot.attribution.why,
    )


def build_omitted_action(spot: SpottedAction) -> OmittedAction:
    """Build the record of an action that is left out of the reel."""
    detection, part = spot.detection, spot.part
    at = part.match_time(detection.start)
    where = (spot.action, part.frame_index.path.name, detection.start, detection.end, at)
    return OmittedAction(*where, spot.attribution.team, spot.attribution.why)
