"""Find duplicate matches by their pictures: compare the motion of frames, not single frames.

Single frames of two matches can look alike. Compared is each frame's difference from its neighbours
(8x8 brightness), over all the time that two videos share; bars, bitrate, size and brightness hardly
change it.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from touchline.checks.duplicate_matches.groups import DuplicateMatch, MatchKey
from touchline.video.frame_store import THUMBNAIL_CELLS, FrameStore
from touchline.video.workers import map_jobs

NEIGHBOUR_FRAMES = 3  # stored frames before and after, from which a frame's difference is taken
INT8_SCALE = 127
MIN_MOTION = 1.0  # length of a difference below which it is noise, in steps of brightness
BITS, BANDS = 20, 8  # a key is the signs of 20 of the 64 cells; eight keys per frame
MAX_FRAMES_PER_KEY = 32  # frames under one key: more of them, and the key says nothing
MIN_VOTES = 3  # keys in common at one shift, from which a pair is looked at closely
SHIFTS_PER_PAIR = 3  # shifts per pair that are looked at closely
MIN_SIMILARITY = 0.45  # mean likeness (cosine) of the frames in common
MIN_CONFIDENCE = 3.2  # likeness times the root of their number: 50 frames at 0.45, 13 at 0.9
REASON_TEXT = "the same pictures: {like:.0%} alike over {frames} frames, {shift:+g} frames apart"


class MotionTrace(NamedTuple):
    """Motion of one video: unit-length rows of 64 values (shorter where motion is faint), scaled to
    int8.
    """

    match: MatchKey
    motion: np.ndarray  # (frames, 64) int8: 500 matches have 2.7 million rows
    strong_frames: np.ndarray  # numbers of the frames in the stronger half


def compute_motion_trace(match: MatchKey, thumbnails: np.ndarray) -> MotionTrace:
    """Compute the motion of a video from its (frames, 64) uint8 thumbnails in order of time."""
    padded = np.pad(
        thumbnails.astype(np.float32), ((NEIGHBOUR_FRAMES, NEIGHBOUR_FRAMES), (0, 0)), mode="edge"
    )
    sums = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    span = 2 * NEIGHBOUR_FRAMES + 1
    moves = thumbnails - (sums[span:] - sums[:-span]) / span
    length = np.linalg.norm(moves, axis=1)
    strong = np.flatnonzero(length >= max(float(np.median(length)), MIN_MOTION))
    unit = moves / np.maximum(length, MIN_MOTION)[:, None]
    return MotionTrace(match, np.rint(unit * INT8_SCALE).astype(np.int8), strong)


def find_duplicates_by_picture(
    folder: Path, videos: Mapping[str, MatchKey], executor: Executor | None = None
) -> list[DuplicateMatch]:
    """Pairs of matches that share pictures. `videos` maps video ids of the frame store in `folder`
    to matches; an executor reads one video per job.
    """
    rows = [(folder, video, match) for video, match in videos.items()]
    return match_motion_traces(
        map_jobs(executor, load_motion_trace, rows)
        if executor
        else (load_motion_trace(*row) for row in rows)
    )


def load_motion_trace(folder: Path, video: str, match: MatchKey) -> MotionTrace:
    """Load the motion of one video from the frame store in `folder`."""
    return compute_motion_trace(match, FrameStore(folder).read_thumbnails(video))


def match_motion_traces(
    traces: Iterator[MotionTrace] | Sequence[MotionTrace],
) -> list[DuplicateMatch]:
    """Pairs of matches where a video is, at least partly, a copy of one of the other.

    Frames' hash keys vote for (pair, time shift); the winners are compared frame by frame and must
    exceed MIN_CONFIDENCE. On 2,112 synthetic pairs different matches reached at most 2.84, copies
    at least 3.45. Under 4 s in common cannot be detected.
    """
    all_traces = list(traces)
    duplicates: dict[tuple[MatchKey, MatchKey], DuplicateMatch] = {}
    for a, b, shift in _find_candidate_shifts(all_traces):
        match_a, match_b = sorted((all_traces[a].match, all_traces[b].match))
        if (match_a, match_b) in duplicates:
            continue
        reason = _confirm_shift(all_traces[a].motion, all_traces[b].motion, shift)
        if reason:
            duplicates[match_a, match_b] = DuplicateMatch(match_a, match_b, reason)
    return sorted(duplicates.values())


def _confirm_shift(a: np.ndarray, b: np.ndarray, shift: int) -> str:
    """Why frame t of `a` is frame t + shift of `b`, "" when it is not; a vote may be one off."""
    reason = ""
    best_confidence = MIN_CONFIDENCE
    for tried_shift in (shift - 1, shift, shift + 1):
        first, last = max(0, -tried_shift), min(len(a), len(b) - tried_shift)
        if last <= first:
            continue
        similarity = _mean_cosine(a[first:last], b[first + tried_shift : last + tried_shift])
        confidence = similarity * (last - first) ** 0.5
        if similarity >= MIN_SIMILARITY and confidence >= best_confidence:
            best_confidence, reason = (
                confidence,
                REASON_TEXT.format(like=similarity, frames=last - first, shift=tried_shift),
            )
    return reason


def _mean_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Mean cosine of the rows."""
    return float(np.einsum("ij,ij->", a, b, dtype=np.float64)) / INT8_SCALE**2 / len(a)


def _find_candidate_shifts(traces: Sequence[MotionTrace]) -> Iterator[tuple[int, int, int]]:
    """(video, video, shift) that share keys, of two matches, the most voted shifts of each pair."""
    if not any(len(trace.strong_frames) for trace in traces):
        return
    owner = np.concatenate([np.full(len(t.strong_frames), n) for n, t in enumerate(traces)])
    time = np.concatenate([t.strong_frames for t in traces])
    signs = np.concatenate([t.motion[t.strong_frames] > 0 for t in traces])
    names = {match: n for n, match in enumerate({t.match: None for t in traces})}
    match = np.array([names[t.match] for t in traces])[owner]
    votes = _count_votes(signs, owner, time, match)
    yield from _select_top_shifts(*votes)


def _count_votes(
    signs: np.ndarray, owner: np.ndarray, time: np.ndarray, match: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (video, video, shift) without repeats, and how many votes each got."""
    random, videos, span = np.random.default_rng(0), int(owner.max()) + 1, int(time.max()) + 1
    codes = [np.empty(0, np.int64)]
    for _ in range(BANDS):
        keys = signs[:, random.choice(THUMBNAIL_CELLS**2, BITS, replace=False)] @ (
            1 << np.arange(BITS)
        )
        for a, b in _pair_equal_keys(keys):
            foreign = match[a] != match[b]
            a, b = a[foreign], b[foreign]
            a, b = np.where(owner[a] > owner[b], (b, a), (a, b))
            codes.append((owner[a] * videos + owner[b]) * 2 * span + time[b] - time[a] + span)
    distinct_codes, votes = np.unique(np.concatenate(codes), return_counts=True)
    pair, shift = np.divmod(distinct_codes[votes >= MIN_VOTES], 2 * span)
    return np.stack([pair // videos, pair % videos, shift - span], 1), votes[votes >= MIN_VOTES]


def _pair_equal_keys(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of frames that share a key, in pairs; a key that is a crowd's is left out."""
    _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    few = np.flatnonzero((sizes[group] > 1) & (sizes[group] <= MAX_FRAMES_PER_KEY))
    order = few[np.argsort(keys[few], kind="stable")]
    ordered = keys[order]
    for apart in range(1, MAX_FRAMES_PER_KEY):
        here = np.flatnonzero(ordered[apart:] == ordered[:-apart])
        if not len(here):
            return
        yield order[here], order[here + apart]


def _select_top_shifts(rows: np.ndarray, votes: np.ndarray) -> Iterator[tuple[int, int, int]]:
    order = np.lexsort((-votes, rows[:, 1], rows[:, 0]))
    previous_pair, shifts_of_pair = (-1, -1), 0
    for a, b, shift in rows[order].tolist():
        shifts_of_pair = shifts_of_pair + 1 if (a, b) == previous_pair else 1
        previous_pair = (a, b)
        if shifts_of_pair <= SHIFTS_PER_PAIR:
            yield a, b, shift
