"""A SoccerNet-sized table without pixels, from files to validated questions: CPU and memory.

Run from the project's root: `python -m benchmarks.tables`. It writes labels and two variants of
transcripts for 550 games into a temporary folder, as many rows as the real sets have, runs the
stages download to validate on them with the preset spotting-paper, and puts what it measured into
benchmarks/RESULTS.md. CPU seconds are those of all processes of a stage; memory is the largest
process of it.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from flows.runs.overrides import apply_overrides

ROOT = Path(__file__).parent.parent
HEAD = "# Tables: measured by `python -m benchmarks.tables`"
STAGES = {
    "download": "videos manifest health",
    "chunk": "videos manifest frames clips",
    "caption": "manifest clips captions",
    "ask": "manifest clips captions frames questions",
    "distill": "manifest clips questions frames trajectories",
    "validate": "manifest clips captions questions trajectories accepted",
}
# Labels per class in the 434 games whose labels are public.
CLASSES = {
    "Ball out of play": 27782, "Throw-in": 16582, "Foul": 10196, "Indirect free-kick": 9416,
    "Clearance": 6867, "Shots on target": 5104, "Shots off target": 4599, "Corner": 4211,
    "Substitution": 2470, "Kick-off": 2233, "Offside": 1811, "Yellow card": 1793,
    "Direct free-kick": 1636, "Goal": 1478, "Penalty": 141, "Red card": 50, "Yellow->red card": 37,
}  # fmt: skip
LABELS = 222  # per game, on average
LINES = {"whisper_v2_en": 490, "whisper_v1_en": 512}  # per half, on average
WORDS = [
    "the", "ball", "he", "they", "again", "into", "across", "over", "long", "short", "pass", "goal",
    "back", "header", "defence", "box", "keeper", "corner", "free", "kick", "left", "right", "side",
    "minute", "now", "good", "try", "still", "early", "pressure", "captain", "foul", "comes",
]  # fmt: skip
MINUTES, MEBI = 5, 2048  # the limits


@dataclass(frozen=True)
class Spent:
    """What one stage cost."""

    stage: str
    seconds: float  # CPU
    mebibytes: float
    numbers: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=550)
    games = parser.parse_args().games
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_games(work, games)
        settings(work)
        spent = [run(stage, work) for stage in STAGES]
    text = "\n".join(lines(games, spent)) + "\n"
    print(text)
    total, most = sum(s.seconds for s in spent), max(s.mebibytes for s in spent)
    if games == parser.get_default("games"):
        save(text)
    if total > MINUTES * 60 or most > MEBI:
        sys.exit(f"error: {total:.0f} CPU s and {most:.0f} MiB are over the limit")


def write_games(work: Path, games: int) -> None:
    draw = random.Random(7)
    for number in range(games):
        day = date(2014, 8, 1) + timedelta(days=number)
        league = f"league_{number % 6}/{day.year}-{day.year + 1}"
        game = Path(league, f"{day} - 18-00 Home {number} 1 - 0 Away {number}")
        _json(work / "soccernet" / game / "Labels-v2.json", {"annotations": _labels(draw)})
        for variant, count in LINES.items():
            for half in (1, 2):
                if (
                    variant == "whisper_v2_en" and draw.random() < 0.03
                ):  # as the real one lacks some
                    continue
                file = work / "echoes" / variant / game / f"{half}_asr.json"
                _json(file, {"segments": _segments(draw, count)})


def _labels(draw: random.Random) -> list[dict[str, str]]:
    names = draw.choices(list(CLASSES), list(CLASSES.values()), k=LABELS)
    rows = []
    for name in names:
        half, time = draw.randint(1, 2), draw.randrange(45 * 60 * 1000)
        clock = f"{half} - {time // 60000:02d}:{time // 1000 % 60:02d}"
        team = draw.choice(("home", "away"))
        rows.append({"gameTime": clock, "label": name, "position": str(time), "team": team})
    return sorted(rows, key=lambda row: (row["gameTime"][0], int(row["position"])))


def _segments(draw: random.Random, count: int) -> dict[str, list]:
    step = 45 * 60 / count
    starts = [round(i * step, 2) for i in range(count + 1)]
    said = [" ".join(draw.choices(WORDS, k=draw.randint(5, 18))) for _ in range(count)]
    return {str(i): [starts[i], starts[i + 1], text] for i, text in enumerate(said)}


def _json(file: Path, content: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def settings(work: Path) -> None:
    """The preset with the folders of this benchmark."""
    shutil.copy(ROOT / "params.yaml", work)
    shutil.copytree(ROOT / "presets", work / "presets")
    place = "download.sources.soccernet"
    folders = {"folder": work / "soccernet", "echoes": work / "echoes", "splits": '""'}
    apply_overrides(
        work, "spotting-paper", [f"{place}.{key}={value}" for key, value in folders.items()]
    )


def run(stage: str, work: Path) -> Spent:
    """One stage as DVC would run it; its own children count."""
    flags = [f"--{name}={work / name}" for name in STAGES[stage].split()]
    flags += [f"--params={work / 'params.yaml'}", f"--metrics={work / f'{stage}.json'}"]
    process = subprocess.Popen([sys.executable, "-m", f"stages.{stage}", *flags], cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"error: {stage} failed")
    numbers = json.loads((work / f"{stage}.json").read_text())
    return Spent(stage, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, numbers)


def lines(games: int, spent: list[Spent]) -> list[str]:
    found = {s.stage: s.numbers for s in spent}
    total, most = sum(s.seconds for s in spent), max(s.mebibytes for s in spent)
    asked = sum(found["ask"][f"questions.{split}"] for split in ("train", "val", "test"))
    rows = [f"| {s.stage} | {s.seconds:.1f} | {s.mebibytes:.0f} |" for s in spent]
    return [
        HEAD,
        "",
        f"{games} games, {found['download']['labels']:,} labels, {found['download']['speech']:,} "
        f"lines of commentary, {found['chunk']['clips']:,} clips, {asked:,} questions, "
        f"{found['validate']['rows']:,} trajectories; preset `spotting-paper`, no video.",
        "",
        "| stage | CPU s | MiB, largest process |",
        "|---|---|---|",
        *rows,
        f"| together | {total:.1f} | {most:.0f} |",
        "",
        f"The limits are {MINUTES * 60} CPU s and {MEBI} MiB.",
    ]


def save(text: str) -> None:
    """Put the section into RESULTS.md, in the place of an earlier one."""
    file = Path(__file__).with_name("RESULTS.md")
    before = file.read_text().split(HEAD)[0].rstrip("\n")
    file.write_text(f"{before}\n\n{text}")


if __name__ == "__main__":
    main()
