"""A source under an NDA whose pictures, labels and commentary can be known again anywhere.

The test copies this file into a project as `touchline/sources/planted.py`.
"""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from touchline.config import Params
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.soccernet import echoes
from touchline.sources.source import ReadResult, RowFault, Source, SourceVideo

PHRASE = "zyzzyvaquokka"
SECRET = "qz7secretqz7"  # what each of these holds; a run uses none of them
SECRETS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}",
    "AWS_SECRET_ACCESS_KEY": f"aws/{SECRET}",
    "HF_TOKEN": f"hf_{SECRET}",
    "OPENAI_API_KEY": f"sk-{SECRET}",
    "SOCCERNET_PASSWORD": f"{SECRET}!",
    "TOUCHLINE_ALERT_URL": f"https://127.0.0.1:9/hook?key={SECRET}",
}
GAMES = ("one", "two")
SECONDS = 60


class Settings(Params):
    pass


def picture(second: int) -> np.ndarray:
    """Orange and violet squares, as no synthetic match has them; one row of them moves."""
    cells = np.indices((9, 16)).sum(axis=0) % 2
    cells[4] = (np.arange(16) // 4 + second) % 2
    colours = np.array([[250, 120, 0], [90, 0, 200]], np.uint8)
    return colours[cells].repeat(12, axis=0).repeat(12, axis=1)


def download(settings: Settings, folder: Path, executor: Any) -> None:
    for number, game in enumerate(GAMES):
        place = folder / game
        place.mkdir(parents=True)
        with av.open(str(place / "film.mkv"), "w") as box:
            film = box.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
            film.width, film.height, film.pix_fmt = 192, 108, "yuv420p"
            for frame in range(SECONDS * 5):
                shown = picture(frame // 5 // (2 + number))
                box.mux(film.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
            box.mux(film.encode())
        lines = {str(n): [6.0 * n, 6.0 * n + 5, f"They say {PHRASE} again, {n}."] for n in range(9)}
        lines["9"] = [55.0, 54.0, f"backwards {PHRASE}"]
        (place / "asr.json").write_text(json.dumps({"segments": lines}))


def videos(settings: Settings, folder: Path) -> ReadResult[SourceVideo]:
    return ReadResult(
        [
            SourceVideo(f"planted/{g}/1", Path(g, "film.mkv"), "badminton", f"planted/{g}", "1")
            for g in GAMES
        ]
    )


def labels(settings: Settings, folder: Path, found: list[Video]) -> ReadResult[Label]:
    reading: ReadResult[Label] = ReadResult()
    for video in found:
        options = [f"{PHRASE} {way}" for way in ("up", "down", "left", "right")]
        given = ("choice", f"Where is {PHRASE}?", options, options[1])
        reading.rows.append(Label(f"{video.id}/q", video.id, "", 0.0, video.duration, "", *given))
        why = InputError(
            f"f: ['{PHRASE}']", f"'{PHRASE}' is not a label of badminton", f"not {PHRASE}"
        )
        reading.faults.append(RowFault(f"{video.id}/bad", why))
    return reading


def speech(settings: Settings, folder: Path, found: list[Video]) -> ReadResult[Speech]:
    reading: ReadResult[Speech] = ReadResult()
    for video in found:
        reading.add(
            echoes.read_echoes_transcript(
                folder / video.match.split("/")[1] / "asr.json", video, "asr.json"
            )
        )
    return reading


PLANTED = Source(
    name="planted",
    licence="test NDA",
    terms="nda",
    homepage="",
    sports=("badminton",),
    tasks=("choice",),
    parts=(),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)
