"""What a reel costs and how good it is: CPU against bare decoding and encoding, F1 of a match.

`python -m benchmarks.highlights` prints the cost, with answers that know the truth;
`python -m benchmarks.highlights --model data/rl` also asks that model about an unseen match.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.chat.tools.choose_frames import FrameBudget, ToolSession
from touchline.chat.turns import format_thinking_turn
from touchline.config import load_params_section
from touchline.highlights.cut_video import write_reel_video
from touchline.highlights.frame_index import FrameIndex, decode_frames_between, index_video_frames
from touchline.highlights.make import HighlightSettings, make_reel
from touchline.highlights.model import ClipQuestions, HighlightModel, open_highlight_model
from touchline.highlights.spots import ReelResult
from touchline.metrics.temporal_iou import count_one_to_one
from touchline.model.trained_with import ClipShape, QuestionShape, TrainedWith
from touchline.records.trajectory import Trajectory
from touchline.sources.synthetic.render import HALVES, plan_match, render_half
from touchline.sports import SPORTS
from touchline.tasks.spotting import format_spotting_answer, parse_intervals
from touchline.tasks.trajectory import build_trajectory

PARAMS = Path("params.yaml")
SEEDS = (4711, 4712, 4713)  # in no match of the default pipeline; nothing was tuned on them
HALF = 300  # seconds
REQUEST = "everything"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    settings = load_params_section(HighlightSettings, "highlights", PARAMS)
    with tempfile.TemporaryDirectory() as place:
        films, truth = match(Path(place), SEEDS[0])
        made = reel(films, knowing(truth), settings, Path(place) / "known")
        print(f"reel over bare: {cost(made, settings, Path(place)):.2f}")
        right, cuts = exact(made)
        print(f"cuts whose frames are those of the source: {right} of {cuts}")
        print(f"F1 at 0.5 of answers that know the truth: {f1([counts(made, truth)]):.3f}")
    if given.model:
        asked(open_highlight_model(given.model, settings.batch, settings.turn_tokens), settings)


def asked(model: HighlightModel, settings: HighlightSettings) -> None:
    """What reels of unseen matches are worth and cost with a real model."""
    tiles = settings.model_copy(update={"stride": model.trained.chunk.seconds, "least": 0})
    merged, alone, looks = [], [], []
    for number, seed in enumerate(SEEDS):
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            films, truth = match(root, seed)
            clocked, spent = timed(model)
            began = time.process_time()
            made = reel(films, clocked, settings, root / "asked")
            whole = time.process_time() - began
            if not number:
                shares(whole, sum(spent), made, films, settings, root)
            merged.append(counts(made, truth))
            apart = reel(films, model, tiles, root / "tiles")
            alone.append(counts(apart, truth))
            looks.append(one_look(apart, truth))
    print(f"F1 at 0.5 of {model.name}: {f1(merged):.3f}, (right, guessed, labelled) {merged}")
    print(f"F1 at 0.5 of its answers one by one, clips that do not overlap: {f1(alone):.3f}")
    print(f"F1 at 0.5 clip by clip, each action asked once, as in an evaluation: {f1(looks):.3f}")


def timed(model: HighlightModel) -> tuple[HighlightModel, list[float]]:
    """The model, and the CPU seconds that it takes for itself, loading included."""
    spent: list[float] = []

    def answers(games: ClipQuestions) -> Iterator[Trajectory]:
        source, began = model.answers(games), time.process_time()
        for answer in source:
            spent.append(time.process_time() - began)
            yield answer
            began = time.process_time()

    return replace(model, answers=answers), spent


def shares(
    whole: float,
    own: float,
    made: ReelResult,
    films: list[Path],
    settings: HighlightSettings,
    root: Path,
) -> None:
    """CPU of a request, and how it compares to what cannot be spared."""
    began = time.process_time()
    bare(root / "bare.mp4", made, settings)
    cut = time.process_time() - began
    sum(
        1
        for film in films
        for _ in decode_frames_between(index_video_frames(film), 0.0, float("inf"))
    )
    seen = time.process_time() - began - cut
    print(f"CPU s: all {whole:.1f}, model {own:.1f}, bare reel {cut:.1f}, bare match {seen:.1f}")
    print(f"all over bare reel and model: {whole / (cut + own):.2f}")
    print(f"all over bare reel, model and decoding the match: {whole / (cut + own + seen):.2f}")


def match(root: Path, seed: int) -> tuple[list[Path], dict[str, list[tuple[str, float, float]]]]:
    """A rendered match: its halves, and by file what is asked for, (action, start, end)."""
    one = plan_match("soccer", seed, 0, HALF)
    reach = load_params_section(QuestionShape, "ask", PARAMS).interval / 2
    for half in HALVES:
        render_half(one, half, root)
    films = [root / one.folder / f"{half}_224p.mkv" for half in HALVES]
    words, asked = SPORTS["soccer"].words, SPORTS["soccer"].spotting_words
    truth: dict[str, list[tuple[str, float, float]]] = {film.name: [] for film in films}
    for event in one.events:
        if words[event.label] in asked:
            span = max(0.0, event.time - reach), min(float(HALF), event.time + reach)
            truth[films[event.half - 1].name].append((words[event.label], *span))
    return films, truth


def knowing(truth: dict[str, list[tuple[str, float, float]]]) -> HighlightModel:
    """Answers with the truth, in the model's own format."""
    cut, asked = (
        load_params_section(ClipShape, "chunk", PARAMS),
        load_params_section(QuestionShape, "ask", PARAMS),
    )
    budget = load_params_section(FrameBudget, "budget", PARAMS)
    order = list(truth.values())
    files: dict[str, int] = {}

    def answers(games: ClipQuestions) -> Iterator[Trajectory]:
        for question, pictures in games:
            mine = order[files.setdefault(question.video, len(files))]
            start, end = map(float, question.clip.rpartition("@")[2].split("-"))
            here = [
                (max(a, start) - start, min(b, end) - start)
                for word, a, b in mine
                if word == question.action and min(b, end) - max(a, start) > 1
            ]
            turn = format_thinking_turn("-", format_spotting_answer(question.action, here))
            talk: Any = [{"role": "assistant", "content": [{"type": "text", "text": turn}]}]
            yield build_trajectory("known", question, talk, ToolSession(pictures, budget))

    how = TrainedWith(budget=budget, dialogue=DEFAULT_DIALOGUE, chunk=cut, ask=asked)
    return HighlightModel("known", "0" * 64, how, answers)


def reel(
    films: list[Path], model: HighlightModel, settings: HighlightSettings, place: Path
) -> ReelResult:
    place.mkdir()
    return make_reel(films, REQUEST, model, settings, place / "reel.mp4", place / "cache")


def counts(
    made: ReelResult, truth: dict[str, list[tuple[str, float, float]]]
) -> tuple[int, int, int]:
    """(right, guessed, labelled) of intervals matched one to one at IoU over 0.5."""
    found = json.loads(made.json.read_text())["highlights"]
    right = guessed = labelled = 0
    for name, spans in truth.items():
        for action in SPORTS["soccer"].spotting_words:
            mine = [h for h in found if (h["file"], h["action"]) == (name, action)]
            guesses = [(h["start"], h["end"]) for h in mine]
            labels = [(a, b) for word, a, b in spans if word == action]
            right += count_one_to_one(guesses, labels, 0.5).tp
            guessed, labelled = guessed + len(guesses), labelled + len(labels)
    return right, guessed, labelled


def one_look(
    made: ReelResult, truth: dict[str, list[tuple[str, float, float]]]
) -> tuple[int, int, int]:
    """`counts` of each answer against its own clip, asked and cut as the evaluation does."""
    right = guessed = labelled = 0
    for row in json.loads(made.json.read_text())["answers"]:
        start, end = row["start"], row["end"]
        seen = [(a, b) for word, a, b in truth[row["file"]] if word == row["action"]]
        inside = [(a, b) for a, b in seen if start <= (a + b) / 2 < end]
        if not inside and any(a < end and b > start for a, b in seen):
            continue  # neither there nor absent: not asked
        labels = [(max(a, start) - start, min(b, end) - start) for a, b in inside]
        guesses = parse_intervals(row["answer"])
        right += count_one_to_one(guesses, labels, 0.5).tp
        guessed, labelled = guessed + len(guesses), labelled + len(labels)
    return right, guessed, labelled


def f1(matches: list[tuple[int, int, int]]) -> float:
    """Of all matches together."""
    right, guessed, labelled = (sum(column) for column in zip(*matches, strict=True))
    return 2 * right / max(guessed + labelled, 1)


def exact(made: ReelResult) -> tuple[int, int]:
    """Cuts of which first, last and number of frames are the source's, and all cuts.

    Each frame of the reel is compared with its own of the source and the neighbours of that one.
    """
    assert made.reel
    shot = [
        frame
        for _, frame in decode_frames_between(index_video_frames(made.reel), 0.0, float("inf"))
    ]
    right = at = 0
    for cut in made.cuts:
        times = cut.frame_index.times
        first = int(np.searchsorted(times, cut.start - 1e-6))
        count = int(np.searchsorted(times, cut.end - 1e-6)) - first
        pairs = ((shot[at], first), (shot[at + count - 1], first + count - 1))
        right += all(_nearest(picture, cut.frame_index, index) for picture, index in pairs)
        at += count
    assert at == len(shot), "the reel has another number of frames than its cuts"
    return right, len(made.cuts)


def _nearest(picture: Any, source: FrameIndex, index: int) -> bool:
    """Whether no neighbour of this frame of the source is more like the picture than it is."""
    low, high = max(index - 3, 0), min(index + 4, len(source.times))
    end = float(source.times[high]) if high < len(source.times) else source.end
    near = [
        f.to_ndarray(format="gray")
        for _, f in decode_frames_between(source, float(source.times[low]), end)
    ]
    seen = picture.to_ndarray(format="gray").astype(float)
    apart = [np.abs(one[: seen.shape[0], : seen.shape[1]] - seen).mean() for one in near]
    return apart[index - low] <= min(apart) + 1e-6


def cost(made: ReelResult, settings: HighlightSettings, root: Path, rounds: int = 3) -> float:
    """CPU of writing the reel over CPU of decoding its frames and encoding them, medians."""
    ratios = []
    for _ in range(rounds):
        began = time.process_time()
        write_reel_video(root / "again.mp4", made.cuts, settings.encoding)
        between = time.process_time()
        bare(root / "bare.mp4", made, settings)
        ratios.append((between - began) / (time.process_time() - between))
    return sorted(ratios)[rounds // 2]


def bare(path: Path, made: ReelResult, settings: HighlightSettings) -> None:
    """The same frames decoded and encoded alike, and nothing else."""
    with av.open(str(path), "w") as box:
        stream: Any = box.add_stream("libx264", rate=25)
        how = settings.encoding
        stream.codec_context.options = {"crf": str(how.crf), "preset": how.preset}
        number = 0
        for cut in made.cuts:
            for _, frame in decode_frames_between(cut.frame_index, cut.start, cut.end):
                if not number:
                    stream.width, stream.height = frame.width, frame.height
                frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 25), 0
                number += 1
                box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


if __name__ == "__main__":
    main()
