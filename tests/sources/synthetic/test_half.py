"""The rendered files themselves, decoded again: what is labelled can be seen."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from touchline.sources.synthetic import badminton, basketball, soccer
from touchline.sources.synthetic.half import HalfRenderer
from touchline.sources.synthetic.match import SyntheticMatch
from touchline.sources.synthetic.render import RENDER_SPECS, plan_match, render_half
from touchline.sports import SPORTS
from touchline.sports.badminton import SIDES

SECONDS = 40
PLAIN = 230.0  # distance below which a picture shows an overlay


@dataclass(frozen=True)
class Filmed:
    """The first half of a match, decoded again."""

    match: SyntheticMatch
    path: Path
    times: list[float]
    kinds: list[str]
    keys: set[int]
    pictures: np.ndarray  # as the tiny model sees them: (frames, 32, 64, 3)


@pytest.fixture(scope="module", params=RENDER_SPECS)
def filmed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Filmed:
    match = plan_match(request.param, 7, 1, SECONDS)
    folder = tmp_path_factory.mktemp(request.param)
    render_half(match, 1, folder)
    path = folder / match.folder / "1_224p.mkv"
    with av.open(str(path)) as box:
        shown = list(box.decode(video=0))
    return Filmed(
        match,
        path,
        [frame.time for frame in shown],
        [PictureType(frame.pict_type).name for frame in shown],
        {number for number, frame in enumerate(shown) if frame.key_frame},
        np.stack([frame.to_ndarray(format="rgb24", width=64, height=32) for frame in shown]),
    )


def test_a_half_is_h264_with_b_frames_and_every_frame_in_time(filmed: Filmed) -> None:
    with av.open(str(filmed.path)) as box:
        context = box.streams.video[0].codec_context
        assert (context.name, context.width, context.height) == ("h264", 398, 224)
    assert filmed.times == pytest.approx(np.arange(SECONDS * 25) / 25)
    assert filmed.kinds.count("B") > SECONDS * 25 / 3


def test_rendering_again_gives_the_same_bytes(filmed: Filmed, tmp_path: Path) -> None:
    render_half(filmed.match, 1, tmp_path)
    again = tmp_path / filmed.match.folder
    for file in sorted(filmed.path.parent.iterdir()):
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_groups_of_pictures_begin_where_the_camera_changes(filmed: Filmed) -> None:
    cuts = HalfRenderer(filmed.match, RENDER_SPECS[filmed.match.sport], 1).cuts
    assert len(cuts) > 1 and cuts <= filmed.keys
    assert len(filmed.keys) < 20


def test_an_action_shows_exactly_as_far_around_its_label_as_the_sport_says(
    filmed: Filmed,
) -> None:
    reach = SPORTS[filmed.match.sport].reach
    labels = RENDER_SPECS[filmed.match.sport].phrases
    for time, picture in zip(filmed.times, filmed.pictures, strict=True):
        near = min(distance(picture, filmed.match.sport, label) for label in labels)
        due = any(-reach <= time - e.time < reach for e in filmed.match.events if e.half == 1)
        assert (near < PLAIN) == due, (time, near)


def test_the_tiny_model_can_tell_the_words_apart(filmed: Filmed) -> None:
    sport = filmed.match.sport
    words = SIDES if sport == "badminton" else SPORTS[sport].words
    for event in [e for e in filmed.match.events if e.half == 1]:
        picture = filmed.pictures[round(event.time * 25)]
        nearest = min(words, key=lambda label: distance(picture, sport, label))
        assert words[nearest] == words[event.label]


def distance(picture: np.ndarray, sport: str, label: str) -> float:
    """How far the picture is from one that shows `label`, where its overlay would be."""
    if sport == "badminton":
        top, left = badminton.BANDS[label]
        rows, right = slice(top // 7 + 2, (top + badminton.BAND_ROWS) // 7 - 1), left
    else:
        pairs = soccer.PLATE_COLOURS if sport == "soccer" else basketball.PLATE_COLOURS
        rows, (left, right) = slice(21, 31), pairs[SPORTS[sport].words[label]]
    ends = picture[rows, 1:12].mean(axis=(0, 1)), picture[rows, 52:63].mean(axis=(0, 1))
    return float(np.abs(ends[0] - left).sum() + np.abs(ends[1] - right).sum())
