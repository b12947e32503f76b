"""Render one half of a match: cameras, players, overlays and the score bug, frame by frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from touchline.sources.synthetic import drawing
from touchline.sources.synthetic.drawing import (
    FPS,
    INK,
    WHITE,
    YuvPicture,
    add_sensor_noise,
    create_plain_image,
    draw_centered_text,
    encode_video,
    paste_picture,
    rgb_to_yuv,
)
from touchline.sources.synthetic.match import MatchEvent, SyntheticMatch
from touchline.sources.synthetic.show import OverlayFrames, RenderSpec

GRAINS = 3  # ground pictures that differ in sensor noise only
GRAIN_FRAMES = 4  # frames until the next of them
WIDE, CLOSE = (18.0, 40.0), (4.0, 8.0)  # seconds of a shot
ZOOM = 2.5  # of the close camera
SCORE_BUG = (6, 8, 18, 148)  # top, left, rows, columns
HALF_PURPOSE = 10  # random numbers of a half: purposes 11 and 12 of its match


@dataclass(frozen=True)
class Camera:
    """The background pictures, player sprites and ball sprite of one camera."""

    grounds: list[YuvPicture]
    cast: drawing.SpriteStamp
    ball: drawing.SpriteStamp


class HalfRenderer:
    """Renders one half; positions, shots and overlays are computed before the first frame."""

    def __init__(self, match: SyntheticMatch, show: RenderSpec, half: int) -> None:
        rng = match.generator(HALF_PURPOSE + half)
        self.match, self.show, self.half = match, show, half
        self.times = np.arange(match.half_seconds * FPS) / FPS
        self.events = [e for e in match.events if e.half == half]
        self.overlays = [show.overlay(event, rng) for event in self.events]
        self.close, self.cuts = _plan_shots(rng, len(self.times))
        self.cameras = [_build_camera(rng, match, show, close) for close in (False, True)]
        self.players, self.ball = _plan_positions(rng, show, self.events, self.times)
        self.bugs: dict[tuple[int, tuple[int, int]], YuvPicture] = {}

    def render_video(self, path: Path, reach: float) -> None:
        """Encode the half to `path`. An event's overlay is visible for `reach` seconds before and
        after it.
        """
        self.visible_events = _visible_events(self.events, self.times, reach)
        self.reach = reach
        encode_video(path, len(self.times), self.paint_frame, self.cuts)

    def paint_frame(self, onto: YuvPicture, number: int) -> None:
        """Draw frame `number` into the picture `onto`."""
        close = bool(self.close[number])
        camera = self.cameras[close]
        paste_picture(onto, camera.grounds[number // GRAIN_FRAMES % GRAINS], 0, 0)
        players, ball = self.players[number], self.ball[number]
        if close:
            centre = np.array([199, 120])
            players, ball = ((p - ball) * ZOOM + centre for p in (players, ball))
        camera.cast.put(onto, players[:, 1].astype(int), players[:, 0].astype(int))
        camera.ball.put(onto, ball[1:].astype(int), ball[:1].astype(int))
        if self.visible_events[number] >= 0:
            self._paint_overlay(onto, number)
        paste_picture(onto, self._score_bug(number // FPS), SCORE_BUG[0], SCORE_BUG[1])

    def _paint_overlay(self, onto: YuvPicture, number: int) -> None:
        index = int(self.visible_events[number])
        overlay: OverlayFrames = self.overlays[index]
        since = self.times[number] - self.events[index].time + self.reach
        phase = int(since / (2 * self.reach) * len(overlay.phases))
        paste_picture(onto, overlay.phases[min(phase, len(overlay.phases) - 1)], overlay.top, 0)

    def _score_bug(self, second: int) -> YuvPicture:
        score = self.match.score(self.half, second)
        if (second, score) not in self.bugs:
            self.bugs = {(second, score): _draw_score_bug(self.match, self.half, second, score)}
        return self.bugs[second, score]


def _draw_score_bug(
    match: SyntheticMatch, half: int, second: int, score: tuple[int, int]
) -> YuvPicture:
    """Team codes, score and the running clock, which goes on where the first half ended."""
    minutes, seconds = divmod((half - 1) * match.half_seconds + second, 60)
    home, away = (name[:3].upper() for name in match.names)
    image = create_plain_image(SCORE_BUG[2], SCORE_BUG[3], INK)
    draw_centered_text(
        image, f"{home} {score[0]}-{score[1]} {away}  {minutes:02d}:{seconds:02d}", 14, WHITE
    )
    return rgb_to_yuv(image)


def _build_camera(
    rng: np.random.Generator, match: SyntheticMatch, show: RenderSpec, close: bool
) -> Camera:
    picture = rgb_to_yuv(show.ground(close))
    size = round(show.player * (ZOOM if close else 1) / 4) * 4
    return Camera(
        [add_sensor_noise(picture, rng, 1.5) for _ in range(GRAINS)],
        drawing.build_teams_stamp(size, len(show.homes) // 2, match.kits),
        drawing.build_ball_stamp(10 if close else 4, show.ball),
    )


def _plan_shots(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, frozenset[int]]:
    """For each frame whether the close camera is on, and the frames at which a shot begins."""
    close, cuts, now, on = np.zeros(frames, dtype=bool), [], 0, False
    while now < frames:
        length = int(rng.uniform(*(CLOSE if on else WIDE)) * FPS)
        close[now : now + length] = on
        cuts.append(now)
        now, on = now + length, not on
    return close, frozenset(cuts)


def _plan_positions(
    rng: np.random.Generator, show: RenderSpec, events: list[MatchEvent], times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the wide camera: players (times, players, 2) and ball (times, 2)."""
    staged = [e for e in events if e.label in show.places]
    knots: list[tuple[float, float, float]] = []
    for time in np.arange(0, times[-1] + 3, 2.5):
        if all(abs(time - e.time) > 2.5 for e in staged):
            knots.append((float(time), rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)))
    for event in staged:
        x, y = show.places[event.label]
        x = 1 - x if event.team == "away" else x
        knots += [(event.time - 1.5, x, y), (event.time + 1.5, x, y)]
    ball = drawing.interpolate_path(knots, times)
    players = drawing.simulate_player_positions(rng, show.homes, ball, times, show.pull)
    left, top, right, bottom = show.field
    corner, extent = np.array([left, top]), np.array([right - left, bottom - top])
    return corner + players * extent, corner + ball * extent


def _visible_events(events: list[MatchEvent], times: np.ndarray, reach: float) -> np.ndarray:
    """For each frame the index of the event that shows, or -1; `[time - reach, time + reach)`."""
    showing = np.full(len(times), -1)
    for index, event in enumerate(events):
        first, last = np.searchsorted(times, [event.time - reach, event.time + reach])
        showing[first:last] = index
    return showing
