"""The source `synthetic`: whole matches of three sports, rendered from a seed."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.config import Params
from touchline.progress import track
from touchline.records import Label, Speech, Video
from touchline.sources.soccernet import layout
from touchline.sources.source import Found, Reading, Source
from touchline.sources.synthetic.render import HALVES, plan, render
from touchline.video.workers import each


class Matches(Params):
    """How many matches of each sport."""

    soccer: int = Field(ge=0, le=1000)
    badminton: int = Field(ge=0, le=1000)
    basketball: int = Field(ge=0, le=1000)


class Settings(Params):
    seed: int = Field(ge=0)
    matches: Matches
    half_seconds: int = Field(ge=15, le=3600)


def download(settings: Settings, folder: Path, executor: Executor) -> None:
    """Render every half; a half is the unit of work."""
    jobs = [
        (plan(sport, settings.seed, index, settings.half_seconds), half, folder)
        for sport, count in settings.matches.model_dump().items()
        for index in range(count)
        for half in HALVES
    ]
    for _ in track(each(executor, render, jobs), "download", total=len(jobs)):
        pass


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    return layout.videos(SYNTHETIC.name, folder, sport)


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    return layout.labels(SYNTHETIC.name, folder, found, sport)


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    return layout.speech(SYNTHETIC.name, folder, found)


def sport(league: str) -> str:
    """`soccer_synthetic-league` is soccer."""
    return league.split("_")[0]


SYNTHETIC = Source(
    name="synthetic",
    licence="Apache-2.0",
    terms="open",
    homepage="",
    sports=("soccer", "badminton", "basketball"),
    tasks=("spotting", "counting", "choice", "open"),
    parts=(),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)
