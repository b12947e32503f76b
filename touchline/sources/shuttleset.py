"""The source `shuttleset`: badminton matches labelled stroke by stroke, and questions about each
rally.

Wang et al., "ShuttleSet" (KDD 2023): one folder per match with `set1.csv`, `set2.csv`, ...
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import folder, ready_questions, strokes
from touchline.sources.folder import VIDEO_PATTERNS, FolderSettings, VideoFiles
from touchline.sources.ready_questions import read_source_prompt, shuffle_options
from touchline.sources.source import ReadResult, Source, SourcePart, SourceVideo
from touchline.sources.strokes import ShuttleSetMatch, Stroke
from touchline.sports.badminton import STROKES

RALLY_PADDING = 1.0  # seconds before the first and after the last stroke
UNKNOWN_STROKE = "未知球種"
RALLY_ENDS = {  # ShuttleSet's reason why the loser lost -> where the last shuttle went
    "對手落地致勝": "down in the opponent's court",
    "出界": "out of court",
    "掛網": "into the net",
    "未過網": "short of the net",
}


@dataclass(frozen=True)
class Rally:
    """A complete rally, all of whose strokes have labels. `start` and `end` are seconds of the
    broadcast, with RALLY_PADDING around the strokes.
    """

    id: str
    video: str
    start: float
    end: float
    strokes: tuple[Stroke, ...]


def build_rally(
    id: str, strokes: Sequence[Stroke], labelled: Mapping[str, Label], video: Video | None
) -> Rally:
    """Build a rally from its strokes. Raises InputError if a stroke is missing, has no label or is
    out of order, or if the last stroke states no lose reason.

    `labelled` maps stroke ids to labels.
    """
    labels = [labelled[stroke.id] for stroke in strokes if stroke.id in labelled]
    numbers = [stroke.number for stroke in strokes]
    times = [label.start for label in labels]
    is_whole = len(labels) == len(strokes) and numbers == list(range(1, len(strokes) + 1))
    if video is None or not is_whole or not strokes[-1].lose_reason or times != sorted(times):
        wrong = f"its strokes {numbers} are not a whole rally in order of time"
        raise InputError(id, wrong, "correct the lines of the rally; nothing is asked about it")
    start, end = max(0.0, times[0] - RALLY_PADDING), min(video.duration, times[-1] + RALLY_PADDING)
    return Rally(id, video.id, start, end, tuple(strokes))


def build_rally_questions(rally: Rally) -> list[Label]:
    """Build the questions of a rally: the stroke count, and the last stroke and the end of the
    rally where these are known.
    """
    last = rally.strokes[-1]
    rally_questions = [
        _rally_question(rally, "count", "counting", "rally_strokes", [], str(len(rally.strokes)))
    ]
    if last.kind != UNKNOWN_STROKE:
        kinds = {word for kind, word in STROKES.items() if kind != UNKNOWN_STROKE}
        rally_questions.append(
            _choice_question(rally, "last", "rally_last_stroke", STROKES[last.kind], kinds)
        )
    if last.lose_reason in RALLY_ENDS:
        rally_questions.append(
            _choice_question(
                rally, "end", "rally_end", RALLY_ENDS[last.lose_reason], {*RALLY_ENDS.values()}
            )
        )
    return rally_questions


def _choice_question(rally: Rally, part: str, prompt: str, right: str, among: set[str]) -> Label:
    options = shuffle_options(f"{rally.id}/{part}", right, among)
    return _rally_question(rally, part, "choice", prompt, options, right)


def _rally_question(
    rally: Rally, part: str, task: str, prompt: str, options: list[str], answer: str
) -> Label:
    return Label(
        id=f"{rally.id}/{part}",
        video=rally.video,
        name="",
        start=rally.start,
        end=rally.end,
        team="",
        task=task,
        asked=read_source_prompt(prompt),
        options=options,
        answer=answer,
    )


NAME = "shuttleset"
HOME = "https://github.com/wywyWang/CoachAI-Projects"
SET_FILES = ("*/**/set[0-9]*.csv",)
TAIL_SECONDS = 1.0  # seconds that a match whose video is not here goes on after its last stroke
PARTS = (
    SourcePart(
        "labels", SET_FILES, f"{HOME}/tree/main/ShuttleSet", "Free for all, in the folder `set`."
    ),
    SourcePart(
        "videos",
        VIDEO_PATTERNS,
        f"{HOME}/tree/main/ShuttleSet",
        "Broadcasts on YouTube, by the addresses in match.csv; name each file like the folder of "
        "its match, for instance MATCH.mp4.",
    ),
)


def download_shuttleset(settings: FolderSettings, source_folder: Path, executor: Executor) -> None:
    """Copy the CSV files and broadcasts of ShuttleSet from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(NAME, settings.folder, PARTS, source_folder)


def list_shuttleset_videos(
    settings: FolderSettings, source_folder: Path
) -> ReadResult[SourceVideo]:
    """List one broadcast per match. One whose file is not present is taken to end TAIL_SECONDS
    after its last stroke.
    """
    reading, video_files = ReadResult[SourceVideo](), VideoFiles(source_folder)
    for match in _read_matches(source_folder):
        reading.faults += match.files.faults
        if match.strokes.rows:
            reading.take(match.video, _to_source_video, match, video_files)
    return reading


def read_shuttleset_labels(
    settings: FolderSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read one action per stroke; per rally, questions about the number of strokes, the last stroke
    and the end.
    """
    videos_by_id = {video.id: video for video in videos}
    reading: ReadResult[Label] = ReadResult()
    for match in _read_matches(source_folder):
        reading.faults += match.strokes.faults
        video, count_before = videos_by_id.get(match.video), len(reading.rows)
        for stroke in match.strokes.rows:
            reading.take(stroke.id, strokes.build_stroke_label, stroke, match.fps, video)
        _add_rally_questions(
            reading, match, {label.id: label for label in reading.rows[count_before:]}, video
        )
    return reading


def _read_matches(source_folder: Path) -> list[ShuttleSetMatch]:
    files = sorted(
        folder.glob_files(source_folder, SET_FILES), key=lambda file: (file.parent, file.name)
    )
    return [
        strokes.read_shuttleset_match(NAME, source_folder, place, list(sets))
        for place, sets in groupby(files, key=lambda file: file.parent)
    ]


def _to_source_video(match: ShuttleSetMatch, video_files: VideoFiles) -> SourceVideo:
    last = max(stroke.frame for stroke in match.strokes.rows) / match.fps
    path = video_files.find(match.video, match.name)
    return SourceVideo(
        id=match.video,
        path=path,
        sport="badminton",
        match=match.id,
        part="broadcast",
        duration=round(last + TAIL_SECONDS, 6),
    )


def _add_rally_questions(
    reading: ReadResult[Label],
    match: ShuttleSetMatch,
    labelled: Mapping[str, Label],
    video: Video | None,
) -> None:
    """Add the questions about each rally; one with a faulty stroke is a fault, too."""
    for (file, number), rally_strokes in strokes.group_strokes_by_rally(match).items():
        row = f"{match.video}/{file}/rally/{number}"
        rally_result: ReadResult[Rally] = ReadResult()
        rally_result.take(row, build_rally, row, rally_strokes, labelled, video)
        reading.faults += rally_result.faults
        for rally in rally_result.rows:
            reading.rows += build_rally_questions(rally)


SHUTTLESET = Source(
    name=NAME,
    licence="MIT (labels); broadcasters' own (videos)",
    terms="open",
    homepage=HOME,
    sports=("badminton",),
    tasks=("counting", "choice"),
    parts=PARTS,
    settings=FolderSettings,
    download=download_shuttleset,
    videos=list_shuttleset_videos,
    labels=read_shuttleset_labels,
    speech=ready_questions.read_no_speech,
)
