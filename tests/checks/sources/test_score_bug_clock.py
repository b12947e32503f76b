"""The clock on the score bug is read off real frames and held against the file's time."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.checks.sources.conftest import LIMITS, film
from touchline.checks.sources import score_bug_clock
from touchline.checks.sources.case import ClockReadings, SourceCase
from touchline.sources.synthetic.render import plan_match, render_half
from touchline.video.probe import probe_video_file

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("NOR 0-0 MAR 00:20", 20),
        ("67:48 BAR00HGA", 4068),
        ("2:47RMA0-0VAL", 167),
        ("KEL O-0 OAK O1:2O", 80),
        ("1:05.3", 65),
        ("105;07", 6307),
        ("l2:0I", 721),
        ("12.34", 754),
        ("kick-off 18-00", None),
        ("12:64", None),
        ("1234:56", None),
        ("REAL MADRID", None),
        ("", None),
    ],
)
def test_a_clock_is_told_from_what_the_reader_makes_of_it(line: str, seconds: float | None):
    assert score_bug_clock.parse_score_bug_clock(["LIVE", line]) == seconds


def seen(*shown: float, asked: int = 5) -> ClockReadings:
    return ClockReadings(film().id, asked, tuple(range(0, 100 * len(shown), 100)), shown)


def found(tmp_path: Path, *clocks: ClockReadings) -> list[str]:
    case = SourceCase("test", tmp_path, [film()], [], [], [], clocks, LIMITS)
    return [finding.wrong for finding in score_bug_clock.find_drifting_clocks(case)]


def test_one_misread_clock_is_forgiven_and_two_are_not(tmp_path: Path):
    away = "its clock leaves the file's time by"
    assert found(tmp_path, seen(3, 103, 203, 8303, 403)) == []
    assert found(tmp_path, seen(3, 103, 223, 323, 423)) == [f"{away} 20 s"]
    assert found(tmp_path, seen(3, 105, 207, 309, 411)) == [f"{away} 6 s"]


def test_two_readings_tell_nothing(tmp_path: Path):
    [wrong] = found(tmp_path, seen(3, 103))
    assert wrong == "shows a clock in 2 of 5 frames: too few to tell"


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered half of 40 s; `cut.mkv` beside it lacks 12 s of the middle."""
    folder = tmp_path_factory.mktemp("clock")
    render_half(plan_match("soccer", 7, 0, 40), 2, folder)
    [whole] = folder.rglob("2_224p.mkv")
    with av.open(str(whole)) as box, av.open(str(folder / "cut.mkv"), "w") as out:
        made = out.add_stream("libx264", rate=25, options={"crf": "30", "preset": "ultrafast"})
        made.width, made.height, made.pix_fmt = 796, 448, "yuv420p"
        kept = (f for f in box.decode(video=0) if not 15 <= float(f.time or 0) < 27)
        for number, frame in enumerate(kept):
            picture = frame.reformat(796, 448, "yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(made.encode(picture))
        out.mux(made.encode())
    return whole.rename(folder / "whole.mkv").parent


def readings(half: Path, name: str, frames: int) -> ClockReadings:
    video = film("2", path=name, **probe_video_file(half / name))
    with ThreadPoolExecutor(1) as executor:
        [found] = score_bug_clock.read_video_clocks(executor, half, [video], frames)
    return found


def test_a_sound_half_keeps_its_clock(half: Path):
    found = readings(half, "whole.mkv", 3)
    assert len(found.times) == 3
    assert found.offsets == pytest.approx([40, 40, 40], abs=1)  # the second half goes on at 0:40


def test_a_half_with_a_piece_cut_out_is_found(half: Path, tmp_path: Path):
    cut = readings(half, "cut.mkv", 4)
    assert max(cut.offsets) - min(cut.offsets) == pytest.approx(12, abs=1.1)
    assert found(tmp_path, cut) == ["its clock leaves the file's time by 12 s"]


def test_no_frame_is_looked_at_unless_asked_for_and_only_where_a_clock_runs():
    videos = [film(path="x.mkv", sport="badminton"), film("2")]
    with ThreadPoolExecutor(1) as executor:
        assert score_bug_clock.read_video_clocks(executor, Path(), [film(path="x.mkv")], 0) == []
        assert score_bug_clock.read_video_clocks(executor, Path(), videos, 5) == []
