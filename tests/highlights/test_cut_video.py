"""A reel shows exactly the frames that were asked for, with their sound, and can be streamed."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.highlights.conftest import RATE, decoded, write_film
from tests.video.conftest import TURNS, number_of, turned
from touchline.errors import InputError
from touchline.highlights.cut_video import ReelCut, ReelEncoding, write_reel_video
from touchline.highlights.frame_index import index_video_frames

FINE = ReelEncoding(crf=18, preset="ultrafast", audio=96_000)
KINDS = ("plain", "uneven", "sixty", "silent", "tall", "odd", "edit", "tail")


def cut(path: Path, start: float, end: float, title: str = "goal") -> ReelCut:
    found = index_video_frames(path)
    return ReelCut(found, *found.snap_to_frames(start, end), title)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reel_shows_the_frames_on_the_screen_between_start_and_end_and_no_other(
    films: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    source = decoded(films[kind])
    zero = source[0][0]
    stretches = [(0.0, 1.0), (2.07, 3.31), (5.0, 6.2)]
    cuts = [cut(films[kind], *one) for one in stretches]
    write_reel_video(tmp_path / "reel.mp4", cuts, FINE)
    expected = []
    for start, end in stretches:
        times = [t - zero for t, _ in source]
        first = max(i for i, t in enumerate(times) if t <= start + 1e-3)
        last = next((i for i, t in enumerate(times) if t >= end - 1e-3), len(times))
        expected += [source[i][1] for i in range(first, last)]
    assert [number for _, number in decoded(tmp_path / "reel.mp4")] == expected


def test_uneven_frames_keep_their_own_spacing(films: dict[str, Path], tmp_path: Path) -> None:
    source = decoded(films["uneven"])
    one = cut(films["uneven"], 2.0, 5.0)
    write_reel_video(tmp_path / "reel.mp4", [one], FINE)
    wanted = [t - one.start for t, _ in source if one.start - 1e-3 <= t < one.end - 1e-3]
    assert np.allclose([t for t, _ in decoded(tmp_path / "reel.mp4")], wanted, atol=1e-3)


def test_picture_and_sound_last_equally_long_and_the_sound_is_of_the_same_second(
    films: dict[str, Path], tmp_path: Path
) -> None:
    cuts = [cut(films["plain"], start, start + 1) for start in (1.0, 4.0, 8.0)]
    write_reel_video(tmp_path / "reel.mp4", cuts, FINE)
    with av.open(str(tmp_path / "reel.mp4")) as box:
        lengths = [float(s.duration * s.time_base) for s in box.streams]
        samples = np.concatenate([f.to_ndarray()[0] for f in box.decode(audio=0)])
        rate = box.streams.audio[0].rate
    assert abs(lengths[0] - lengths[1]) < 1 / 25
    for place, second in enumerate((1, 4, 8)):
        middle = samples[int((place + 0.25) * rate) : int((place + 0.75) * rate)]
        strongest = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
        assert abs(strongest - (200 + 40 * second)) < 6


def test_a_click_is_heard_when_its_frame_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "click.mkv"
    _flash_and_click(path, at=3.2)
    write_reel_video(tmp_path / "reel.mp4", [cut(path, 1.0, 2.0), cut(path, 2.6, 4.0)], FINE)
    with av.open(str(tmp_path / "reel.mp4")) as box:
        lit = [float(f.time or 0) for f in box.decode(video=0) if f.to_ndarray()[:64].mean() > 150]
    with av.open(str(tmp_path / "reel.mp4")) as box:
        first = [(float(f.time or 0), np.abs(f.to_ndarray()[0])) for f in box.decode(audio=0)]
        rate = box.streams.audio[0].rate
    loud = next(t + np.argmax(s > 0.2) / rate for t, s in first if s.max() > 0.2)
    assert lit[0] == pytest.approx(1.6, abs=1e-3)
    assert abs(loud - lit[0]) < 1 / 25


def _flash_and_click(path: Path, at: float) -> None:
    with av.open(str(path), "w") as box:
        video = box.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio = box.add_stream("aac", rate=RATE, layout="mono")
        for number in range(125):
            level = 255 if number >= at * 25 else 0
            picture = np.full((64, 96, 3), level, np.uint8)
            box.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        box.mux(video.encode(None))
        sound = np.zeros((1, 5 * RATE), np.float32)
        sound[:, int(at * RATE) :] = np.sin(np.arange(5 * RATE - int(at * RATE)) * 0.4)
        for begin in range(0, 5 * RATE, 1024):
            piece = np.ascontiguousarray(sound[:, begin : begin + 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, begin
            box.mux(audio.encode(frame))
        box.mux(audio.encode(None))


def test_chapters_carry_the_titles_and_begin_where_the_cuts_do(
    films: dict[str, Path], tmp_path: Path
) -> None:
    cuts = [cut(films["plain"], 1, 2, "goal 0:01"), cut(films["plain"], 4, 6, "corner 0:04")]
    write_reel_video(tmp_path / "reel.mp4", cuts, FINE)
    with av.open(str(tmp_path / "reel.mp4")) as box:
        found = box.chapters()
    assert [c["metadata"]["title"] for c in found] == ["goal 0:01", "corner 0:04"]
    assert [round(float(c["start"] * c["time_base"]), 2) for c in found] == [0.0, 1.0]


def test_the_index_stands_before_the_pictures(films: dict[str, Path], tmp_path: Path) -> None:
    write_reel_video(tmp_path / "reel.mp4", [cut(films["plain"], 1, 2)], FINE)
    data = (tmp_path / "reel.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_film_without_sound_gives_a_reel_without_sound(
    films: dict[str, Path], tmp_path: Path
) -> None:
    write_reel_video(tmp_path / "reel.mp4", [cut(films["silent"], 1, 2)], FINE)
    with av.open(str(tmp_path / "reel.mp4")) as box:
        assert not box.streams.audio


def test_two_files_of_one_match_join_and_silence_stands_for_missing_sound(
    films: dict[str, Path], tmp_path: Path
) -> None:
    cuts = [cut(films["plain"], 1, 2), cut(films["silent"], 1, 2)]
    write_reel_video(tmp_path / "reel.mp4", cuts, FINE)
    numbers = [number for _, number in decoded(tmp_path / "reel.mp4")]
    assert numbers == [*range(25, 50), *range(25, 50)]
    times = [time for time, _ in decoded(tmp_path / "reel.mp4")]
    assert all(abs(b - a - 0.04) < 1e-3 for a, b in pairwise(times))


def test_files_of_different_shape_are_refused_in_words(
    films: dict[str, Path], tmp_path: Path
) -> None:
    cuts = [cut(films["plain"], 1, 2), cut(films["tall"], 1, 2)]
    with pytest.raises(InputError, match="pictures differ in shape"):
        write_reel_video(tmp_path / "reel.mp4", cuts, FINE)


@pytest.mark.parametrize("degrees", TURNS)
def test_a_film_of_a_turned_phone_is_upright_in_the_reel(
    films: dict[str, Path], tmp_path: Path, degrees: int
) -> None:
    phone = turned(films["silent"], tmp_path / "phone.mp4", degrees)
    write_reel_video(tmp_path / "reel.mp4", [cut(phone, 1, 1.4)], FINE)
    with av.open(str(tmp_path / "reel.mp4")) as box:
        pictures = list(box.decode(video=0))
    shapes = {(frame.rotation, frame.width, frame.height) for frame in pictures}
    assert shapes == {(0, 108, 192) if degrees % 180 else (0, 192, 108)}
    back = [number_of(frame.to_image().rotate(degrees, expand=True)) for frame in pictures]
    assert back == list(range(25, 35))


@pytest.mark.slow
def test_a_4k_film_is_cut_like_any_other(tmp_path: Path) -> None:
    film = write_film(tmp_path / "4k.mp4", [n / 25 for n in range(60)], size=(3840, 2160))
    write_reel_video(tmp_path / "reel.mp4", [cut(film, 1, 1.4)], FINE)
    assert [number for _, number in decoded(tmp_path / "reel.mp4")] == list(range(25, 35))
