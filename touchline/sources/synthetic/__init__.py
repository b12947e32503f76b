"""The source `synthetic`: whole matches of three sports, rendered from a seed."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.config import Params
from touchline.progress import track_progress
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.soccernet import layout
from touchline.sources.source import ReadResult, Source, SourceVideo
from touchline.sources.synthetic.render import HALVES, plan_match, render_half
from touchline.video.workers import map_jobs


class SyntheticMatchCounts(Params):
    """Number of matches to render, by sport."""

    soccer: int = Field(ge=0, le=1000)
    badminton: int = Field(ge=0, le=1000)
    basketball: int = Field(ge=0, le=1000)


class SyntheticSettings(Params):
    """Settings of the source `synthetic`."""

    seed: int = Field(ge=0)
    matches: SyntheticMatchCounts
    half_seconds: int = Field(ge=15, le=3600)


def download_synthetic(settings: SyntheticSettings, folder: Path, executor: Executor) -> None:
    """Render every half of every match, one job per half."""
    jobs = [
        (plan_match(sport, settings.seed, index, settings.half_seconds), half, folder)
        for sport, count in settings.matches.model_dump().items()
        for index in range(count)
        for half in HALVES
    ]
    for _ in track_progress(map_jobs(executor, render_half, jobs), "download", total=len(jobs)):
        pass


def list_synthetic_videos(settings: SyntheticSettings, folder: Path) -> ReadResult[SourceVideo]:
    """List the rendered halves."""
    return layout.list_game_videos(SYNTHETIC.name, folder, parse_league_sport)


def read_synthetic_labels(
    settings: SyntheticSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read the labels of the rendered matches."""
    return layout.read_game_labels(SYNTHETIC.name, folder, videos, parse_league_sport)


def read_synthetic_speech(
    settings: SyntheticSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Speech]:
    """Read the generated commentary."""
    return layout.read_game_speech(SYNTHETIC.name, folder, videos)


def parse_league_sport(league: str) -> str:
    """Return the sport of a league's folder name: `soccer_synthetic-league` is `soccer`."""
    return league.split("_")[0]


SYNTHETIC = Source(
    name="synthetic",
    licence="Apache-2.0",
    terms="open",
    homepage="",
    sports=("soccer", "badminton", "basketball"),
    tasks=("spotting", "counting", "choice", "open"),
    parts=(),
    settings=SyntheticSettings,
    download=download_synthetic,
    videos=list_synthetic_videos,
    labels=read_synthetic_labels,
    speech=read_synthetic_speech,
)
