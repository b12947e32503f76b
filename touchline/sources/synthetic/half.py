"""Film one half of a match: cameras, players, overlays and the score bug, frame by frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from touchline.sources.synthetic import drawing
from touchline.sources.synthetic.drawing import (
    FPS,
    INK,
    WHITE,
    Picture,
    encode,
    noisy,
    paint,
    plain,
    write,
    yuv,
)
from touchline.sources.synthetic.match import Event, Match
from touchline.sources.synthetic.show import Overlay, Show

GRAINS = 3  # ground pictures that differ in sensor noise only
GRAIN_FRAMES = 4  # frames until the next of them
WIDE, CLOSE = (18.0, 40.0), (4.0, 8.0)  # seconds of a shot
ZOOM = 2.5  # of the close camera
BUG = (6, 8, 18, 148)  # top, left, rows, columns
PURPOSE = 10  # random numbers of a half: purposes 11 and 12 of its match


@dataclass(frozen=True)
class Camera:
    grounds: list[Picture]
    cast: drawing.Stamp
    ball: drawing.Stamp


class Half:
    """Everything that is drawn in one half, computed before the first frame."""

    def __init__(self, match: Match, show: Show, half: int) -> None:
        rng = match.generator(PURPOSE + half)
        self.match, self.show, self.half = match, show, half
        self.times = np.arange(match.half_seconds * FPS) / FPS
        self.events = [e for e in match.events if e.half == half]
        self.overlays = [show.overlay(event, rng) for event in self.events]
        self.close, self.cuts = _shots(rng, len(self.times))
        self.cameras = [_camera(rng, match, show, close) for close in (False, True)]
        self.players, self.ball = _places(rng, show, self.events, self.times)
        self.bugs: dict[tuple[int, tuple[int, int]], Picture] = {}

    def film(self, path: Path, reach: float) -> None:
        """`reach`: seconds before and after an event in which its overlay shows."""
        self.showing = _showing(self.events, self.times, reach)
        self.reach = reach
        encode(path, len(self.times), self.paint, self.cuts)

    def paint(self, onto: Picture, number: int) -> None:
        close = bool(self.close[number])
        camera = self.cameras[close]
        paint(onto, camera.grounds[number // GRAIN_FRAMES % GRAINS], 0, 0)
        players, ball = self.players[number], self.ball[number]
        if close:
            centre = np.array([199, 120])
            players, ball = ((p - ball) * ZOOM + centre for p in (players, ball))
        camera.cast.put(onto, players[:, 1].astype(int), players[:, 0].astype(int))
        camera.ball.put(onto, ball[1:].astype(int), ball[:1].astype(int))
        if self.showing[number] >= 0:
            self._overlay(onto, number)
        paint(onto, self._bug(number // FPS), BUG[0], BUG[1])

    def _overlay(self, onto: Picture, number: int) -> None:
        index = int(self.showing[number])
        overlay: Overlay = self.overlays[index]
        since = self.times[number] - self.events[index].time + self.reach
        phase = int(since / (2 * self.reach) * len(overlay.phases))
        paint(onto, overlay.phases[min(phase, len(overlay.phases) - 1)], overlay.top, 0)

    def _bug(self, second: int) -> Picture:
        score = self.match.score(self.half, second)
        if (second, score) not in self.bugs:
            self.bugs = {(second, score): _bug(self.match, self.half, second, score)}
        return self.bugs[second, score]


def _bug(match: Match, half: int, second: int, score: tuple[int, int]) -> Picture:
    """Team codes, score and the running clock, which goes on where the first half ended."""
    minutes, rest = divmod((half - 1) * match.half_seconds + second, 60)
    home, away = (name[:3].upper() for name in match.names)
    image = plain(BUG[2], BUG[3], INK)
    write(image, f"{home} {score[0]}-{score[1]} {away}  {minutes:02d}:{rest:02d}", 14, WHITE)
    return yuv(image)


def _camera(rng: np.random.Generator, match: Match, show: Show, close: bool) -> Camera:
    picture = yuv(show.ground(close))
    size = round(show.player * (ZOOM if close else 1) / 4) * 4
    return Camera(
        [noisy(picture, rng, 1.5) for _ in range(GRAINS)],
        drawing.teams(size, len(show.homes) // 2, match.kits),
        drawing.ball(10 if close else 4, show.ball),
    )


def _shots(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, frozenset[int]]:
    """For each frame whether the close camera is on, and the frames at which a shot begins."""
    close, cuts, now, on = np.zeros(frames, dtype=bool), [], 0, False
    while now < frames:
        length = int(rng.uniform(*(CLOSE if on else WIDE)) * FPS)
        close[now : now + length] = on
        cuts.append(now)
        now, on = now + length, not on
    return close, frozenset(cuts)


def _places(
    rng: np.random.Generator, show: Show, events: list[Event], times: np.ndarray
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
    ball = drawing.path(knots, times)
    players = drawing.follow(rng, show.homes, ball, times, show.pull)
    left, top, right, bottom = show.field
    corner, extent = np.array([left, top]), np.array([right - left, bottom - top])
    return corner + players * extent, corner + ball * extent


def _showing(events: list[Event], times: np.ndarray, reach: float) -> np.ndarray:
    """For each frame the index of the event that shows, or -1; `[time - reach, time + reach)`."""
    showing = np.full(len(times), -1)
    for index, event in enumerate(events):
        first, last = np.searchsorted(times, [event.time - reach, event.time + reach])
        showing[first:last] = index
    return showing
