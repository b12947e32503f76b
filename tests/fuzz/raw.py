"""Small valid raw data of every source that reads files, as their makers publish it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Reds 1 - 1 Blues"
FOUR = {"A": "red", "B": "blue", "C": "white", "D": "green"}


@dataclass(frozen=True)
class Specimen:
    """Raw data of one source: its settings beside the folder, and its files."""

    source: str
    settings: dict[str, Any]
    files: dict[str, str]
    film: Path | None  # lies beside the files as the video of the first half
    spoken: bool  # its transcripts are what is changed, not its labels

    def lay(self, folder: Path) -> None:
        if self.film:
            (folder / "cup").mkdir(parents=True)
            shutil.copy(self.film, folder / "cup/1_224p.mkv")
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    def changed(self) -> list[str]:
        """The files that may be changed."""
        return [n for n in sorted(self.files) if n.endswith("asr.json") == self.spoken]


def _action(half: int, second: int, label: str, **more: Any) -> dict[str, Any]:
    clock = f"{half} - {second // 60:02}:{second % 60:02}"
    row = {"gameTime": clock, "label": label, "position": str(second * 1000 + 250), "team": "home"}
    return {**row, "visibility": "visible", **more}


ACTIONS = {
    "UrlLocal": GAME,
    "annotations": [
        _action(1, 133, "Foul"),
        _action(1, 170, "Corner", team="away"),
        _action(2, 150, "Goal", visibility="not shown"),
        _action(2, 60, "Ball out of play", team="not applicable"),
    ],
}
SAID = {
    "segments": {
        "0": [0.0, 3.0, "Here we go."],
        "1": [118, 121.5, "Over the line."],
        "2": [121.5, 130.25, "No, it is a corner!"],
        "10": [140.5, 144.0, "Well played."],
    }
}
SHORT = {"annotations": [_action(1, 0, "Foul"), _action(1, 1, "Corner")]}
CAPTIONS = {
    "annotations": [
        _action(1, 63, "comments", description="A long ball finds nobody."),
        _action(2, 100, "soccer-ball", description="Goal! He turns it in.", important="true"),
    ]
}
GAMES = {
    "splits": "splits.json",
    "names": {"train": "train", "test": "test"},
    "half_minutes": [3, 60],
    "fetch": [],
    "connections": 2,
}
SPLITS = {"train": {"england_epl": {"2014-2015": [GAME.split("/")[2]]}}, "test": ["a/b/c"]}
ECHOES = {
    "echoes": "echoes",
    "transcripts": ["whisper_v2_en", "whisper_v1_en"],
    "spoken_halves": 0,
}
RALLY = {
    "video": "open_2019_final_ann_bee_100_350",
    "num_frames": 250,
    "fps": 25.0,
    "num_events": 2,
    "events": [
        {"frame": 50, "label": "near_court_serve", "comment": ""},
        {"frame": 75, "label": "far_court_bounce", "comment": ""},
    ],
}
SECOND = {**RALLY, "video": "open_2019_final_ann_bee_400_650"}
DIVE = {
    "video": "FINAWorldCup2021_10m__3",
    "num_frames": 100,
    "fps": -1,
    "num_events": 1,
    "events": [{"frame": 42, "label": "som(s).pike", "comment": ""}],
    "_source_info": {"dive_score": 76.5, "difficulty": 3.2},
}
QUESTION = {
    "question_id": "HIT COUNT_0001.mp4_5.mp4",
    "video_id": "0001.mp4",
    "question": {"question_en": "How many hits?", "question_zh": "?"},
    "options_en": ["A. 8", "B. 2", "C. 0", "D. 4"],
    "answer": "B",
    "start_frame": 100,
    "end_frame": 250,
}
REPEATED = (
    ",type,name,count,L1,L2,L3,L4",
    "0,situp,stu1_2.mp4,2,0,30,30.0,90.0",
    "1,squat,b.mp4,1,0,30,,",
)
STROKES = (
    "rally,ball_round,time,frame_num,player,server,type,lose_reason",
    "1,1.0,00:00:10,307.0,B,2,發短球,",
    "1,2.0,00:00:12,367.0,A,2,挑球,",
    "1,3.0,00:00:14,427.0,B,2,殺球,出界",
    "2,1.0,00:00:40,1207.0,B,2,發長球,",
    "2,2.0,00:00:42,1267.0,A,2,殺球,掛網",
)
FOUL = {
    "UrlLocal": "england_epl\\2014-2015\\2015-02-21 - 18-00 Town 1 - 2 City",
    "Offence": "Offence",
    "Action class": "High leg",
    "Severity": "3.0",
    "Clips": [
        {"Url": "Dataset/Test/action_0/clip_0", "Camera type": "Main", "Timestamp": 1259839},
        {"Url": "Dataset/Test/action_0/clip_1", "Replay speed": 1.0},
    ],
}
CHOICE = {"id": "Basketball_13_0", "question": "Which colour?", "options": FOUR, "answer": "B"}
OPEN = {"id": "volleyball_3", "question": "Why a fault?", "answer": "The net was touched"}
OWN = {"sport": "soccer", "licence": "mine", "terms": "open", "known": ""}


def specimens(film: Path) -> list[Specimen]:
    """Of every source; `film` is a small real video for the source `local`."""

    def made(source: str, settings: dict[str, Any], spoken: bool = False, **files: Any) -> Specimen:
        texts = {
            name: one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)
            for name, one in files.items()
        }
        return Specimen(source, settings, texts, film if source == "local" else None, spoken)

    soccernet = {
        f"games/{GAME}/Labels-v2.json": ACTIONS,
        "games/splits.json": SPLITS,
        f"echoes/whisper_v2_en/{GAME}/1_asr.json": SAID,
        f"echoes/whisper_v1_en/{GAME}/2_asr.json": SAID,
    }
    games = {**GAMES, "folder": "games"}
    captions = {f"games/{GAME}/Labels-caption.json": CAPTIONS, "games/splits.json": SPLITS}
    local = {"cup/Labels-v2.json": SHORT, "cup/1_asr.json": SAID}
    sportu = {"SportU_Video_mc.json": [CHOICE], "SportU_video_oe.json": [OPEN]}
    here = {"folder": "."}
    return [
        made("soccernet", {**games, **ECHOES}, **soccernet),
        made("soccernet", {**games, **ECHOES}, spoken=True, **soccernet),
        made("soccernet-captions", games, **captions),
        made("e2e-tennis", here, **{"val.json": [RALLY], "test.json": [SECOND]}),
        made("finediving", {**here, "fps": 25}, **{"train.json": [DIVE]}),
        made("finebadminton", here, **{"questions.json": [QUESTION]}),
        made("repcount", {**here, "fps": 30}, **{"test.csv": "\n".join(REPEATED)}),
        made("shuttleset", here, **{"Ann_Bee/set1.csv": "\n".join(STROKES)}),
        made("mvfoul", here, **{"test/annotations.json": {"Set": "t", "Actions": {"0": FOUL}}}),
        made("sportu", {**here, "seconds": 6}, **sportu),
        made("local", {"folder": "cup", **OWN}, **local),
        made("local", {"folder": "cup", **OWN}, spoken=True, **local),
    ]
