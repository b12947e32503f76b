from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from touchline.errors import InputError
from touchline.video.decode import decode_frames_at
from touchline.video.probe import probe_video_file

OPEN = Path("/proc/self/fd")
FIRST = {"clean.mkv": 0, "clean.mp4": 0, "edit.mp4": 57}  # number in the first shown frame

Reader = Callable[[Image.Image], int]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("name", FIRST)
def test_each_time_gets_its_own_frame(
    files: Path, read_number: Reader, name: str, indexed: bool
) -> None:
    known = probe_video_file(files / name)
    keyframes = known["keyframes"] if indexed else ()
    draw = np.random.default_rng(3)
    for count in [1] * 20 + [8] * 5:
        wanted = np.sort(draw.integers(0, known["frames"], count))
        found = list(decode_frames_at(files / name, list(wanted / 25), keyframes=keyframes))
        assert [read_number(picture) for _, picture in found] == list(wanted + FIRST[name])
        assert np.allclose([time for time, _ in found], wanted / 25, atol=0.001)


def test_far_times_are_jumped_to(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from touchline.video.decode import _FrameCursor

    steps = []
    step = _FrameCursor._step
    monkeypatch.setattr(_FrameCursor, "_step", lambda self: steps.append(1) or step(self))
    keyframes = probe_video_file(files / "clean.mkv")["keyframes"]
    list(decode_frames_at(files / "clean.mkv", [0.0, 11.9], keyframes=keyframes))
    assert len(steps) < 100  # of 300


@pytest.mark.parametrize("name", ["clean.mkv", "clean.mp4"])
def test_decord_agrees_with_pyav_on_every_frame_of_a_clean_file(files: Path, name: str) -> None:
    times = [number / 25 for number in range(300)]
    pairs = zip(
        decode_frames_at(files / name, times),
        decode_frames_at(files / name, times, "decord"),
        strict=True,
    )
    for (ours, picture), (theirs, other) in pairs:
        assert abs(ours - theirs) < 1e-6
        assert np.abs(np.asarray(picture, int) - np.asarray(other, int)).max() <= 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("edit.mp4", "has an edit list.*use the decoder pyav"), ("hole.mkv", "shows nothing from")],
)
def test_decord_is_refused_where_it_would_return_wrong_frames(
    files: Path, broken: Callable[[str], Path], name: str, sentence: str
) -> None:
    path = files / name if name == "edit.mp4" else broken(name)
    with pytest.raises(InputError, match=f"{name}: {sentence}"):
        list(decode_frames_at(path, [1.0], "decord"))


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_a_picture_comes_in_the_size_asked_for(
    files: Path, read_number: Reader, decoder: str
) -> None:
    [(_, picture)] = decode_frames_at(files / "clean.mkv", [8.0], decoder, size=(96, 54))
    assert picture.size == (96, 54)
    assert read_number(picture) == 200


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_the_last_frame_stands_for_a_moment_and_not_for_ever(
    files: Path, read_number: Reader, decoder: str
) -> None:
    [(time, picture)] = decode_frames_at(files / "clean.mp4", [12.0], decoder)
    assert (round(time, 3), read_number(picture)) == (11.96, 299)
    with pytest.raises(InputError, match=r"clean.mp4: shows nothing at 0:14.0"):
        list(decode_frames_at(files / "clean.mp4", [14.0], decoder))


def test_a_damaged_stretch_is_a_fault_and_not_a_wrong_picture(
    broken: Callable[[str], Path],
) -> None:
    with pytest.raises(InputError, match=r"garbled.mp4: (cannot be decoded|shows nothing)"):
        list(decode_frames_at(broken("garbled.mp4"), [number / 5 for number in range(60)]))


def test_an_unknown_decoder_and_unsorted_times_are_refused(files: Path) -> None:
    with pytest.raises(InputError, match=r"cv2: there is no such decoder; choose one of"):
        list(decode_frames_at(files / "clean.mkv", [1.0], "cv2"))
    with pytest.raises(InputError, match="times do not ascend"):
        list(decode_frames_at(files / "clean.mkv", [2.0, 1.0]))


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.skipif(not OPEN.is_dir(), reason="no /proc here")
def test_no_file_stays_open(files: Path, decoder: str) -> None:
    def held() -> int:
        wanted = files / "clean.mkv"
        return sum(link.exists() and link.samefile(wanted) for link in OPEN.iterdir())

    some = decode_frames_at(files / "clean.mkv", [1.0, 2.0], decoder)
    next(some)
    assert held() == (decoder == "pyav")
    some.close()  # type: ignore[attr-defined]
    assert held() == 0


@pytest.mark.realdata
def test_both_decoders_agree_on_real_broadcasts(realdata: Path) -> None:
    for path in sorted((realdata / "finebadminton/video").glob("*.mp4"))[:3]:
        times = list(np.linspace(0.1, probe_video_file(path)["duration"] - 0.1, 5))
        ours, theirs = decode_frames_at(path, times), decode_frames_at(path, times, "decord")
        for (time, picture), (other, image) in zip(ours, theirs, strict=True):
            assert abs(time - other) < 1e-6
            assert np.abs(np.asarray(picture, int) - np.asarray(image, int)).max() <= 2
