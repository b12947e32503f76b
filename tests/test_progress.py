"""Progress: what a person and a program read."""

import pytest

from touchline import progress
from touchline.progress import ProgressReporter, parse_progress_line, track_progress


def test_a_line_says_how_far_how_long_and_how_it_goes() -> None:
    job = ProgressReporter("sft", 300)
    job.advance_to(120, note="loss 0.31")
    assert job.format_line(62) == "sft 120/300 40% 1:02 left 1:33 loss 0.31"
    assert job.format_line(3725).startswith("sft 120/300 40% 1:02:05 left 1:33:08")


def test_the_flow_reads_the_line_back() -> None:
    job = ProgressReporter("chunk", 8)
    job.advance_to(2)
    found = parse_progress_line(job.format_line(1.0))
    assert found is not None
    assert (found.label, found.done, found.total, found.percent) == ("chunk", 2, 8, 25)
    assert parse_progress_line("chunk 17 0:09") == progress.ProgressLine("chunk", 17, None, None)
    assert parse_progress_line("Reading 8 videos of source x") is None


def test_steps_of_an_earlier_attempt_do_not_count_as_speed() -> None:
    job = ProgressReporter("rl", 100)
    job.start_at(90)
    job.advance_to(95)
    assert job.format_line(10.0) == "rl 95/100 95% 0:10 left 0:10"


def test_short_work_says_one_line_and_long_work_one_per_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(track_progress(range(5), "chunk")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == "chunk 5/5 100% 0:00\n"
    monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
    list(track_progress(range(3), "chunk"))
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_work_that_fails_does_not_say_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), ProgressReporter("sft", 3) as job:
        job.step()
        raise RuntimeError
    assert capsys.readouterr().err == ""
