"""What a reel costs and how good it is: CPU against bare decoding and encoding, F1 of a match.

`python -m benchmarks.highlights` prints the cost, with answers that know the truth;
`python -m benchmarks.highlights --model data/rl` also asks that model about an unseen match.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from touchline.dialogue import PLAIN
from touchline.highlights.film import write_reel
from touchline.highlights.make import Made, Settings, make
from touchline.highlights.model import Games, Model, opened
from touchline.highlights.shown import frames
from touchline.metrics.temporal_iou import matched
from touchline.records import Trajectory
from touchline.sources.synthetic.render import HALVES, plan, render
from touchline.sports import SPORTS
from touchline.stage import section
from touchline.student.conversation import judged
from touchline.student.trained import Asked, Cut, Trained
from touchline.tasks.spotting import sentence
from touchline.tools.choose_frames import Budget, Viewing
from touchline.tools.turns import thinking

PARAMS = Path("params.yaml")
SEED = 4711  # no match of the default pipeline has it
HALF = 300  # seconds
REQUEST = "everything"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    settings = section(Settings, "highlights", PARAMS)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        films, truth = match(root)
        made = reel(films, knowing(truth), settings, root / "known")
        print(
            f"cost: {cost(made, settings, root):.2f} times bare decoding and encoding of the cuts"
        )
        print(f"F1 at 0.5 of answers that know the truth: {f1(made, truth):.3f}")
        if given.model:
            model = opened(given.model, settings.batch, settings.turn_tokens)
            print(f"F1 at 0.5 of {given.model}: "
                  f"{f1(reel(films, model, settings, root / 'asked'), truth):.3f}")  # fmt: skip
            tiles = settings.model_copy(update={"stride": model.trained.chunk.seconds, "least": 0})
            alone = f1(reel(films, model, tiles, root / "tiles"), truth)
            print(f"F1 at 0.5 of its answers one by one, clips that do not overlap: {alone:.3f}")


def match(root: Path) -> tuple[list[Path], dict[str, list[tuple[str, float, float]]]]:
    """A rendered match: its halves, and by file what is asked for, (action, start, end)."""
    one = plan("soccer", SEED, 0, HALF)
    reach = section(Asked, "ask", PARAMS).interval / 2
    for half in HALVES:
        render(one, half, root)
    films = [root / one.folder / f"{half}_224p.mkv" for half in HALVES]
    words, asked = SPORTS["soccer"].words, SPORTS["soccer"].asked
    truth: dict[str, list[tuple[str, float, float]]] = {film.name: [] for film in films}
    for event in one.events:
        if words[event.label] in asked:
            span = max(0.0, event.time - reach), min(float(HALF), event.time + reach)
            truth[films[event.half - 1].name].append((words[event.label], *span))
    return films, truth


def knowing(truth: dict[str, list[tuple[str, float, float]]]) -> Model:
    """Answers with the truth, in the model's own format."""
    cut, asked = section(Cut, "chunk", PARAMS), section(Asked, "ask", PARAMS)
    budget = section(Budget, "budget", PARAMS)
    order = list(truth.values())
    files: dict[str, int] = {}

    def answers(games: Games) -> Iterator[Trajectory]:
        for question, shown in games:
            mine = order[files.setdefault(question.video, len(files))]
            start, end = map(float, question.clip.rpartition("@")[2].split("-"))
            here = [
                (max(a, start) - start, min(b, end) - start)
                for word, a, b in mine
                if word == question.action and min(b, end) - max(a, start) > 1
            ]
            turn = thinking("-", sentence(question.action, here))
            talk: Any = [{"role": "assistant", "content": [{"type": "text", "text": turn}]}]
            yield judged("known", question, talk, Viewing(shown, budget))

    how = Trained(budget=budget, dialogue=PLAIN, chunk=cut, ask=asked)
    return Model("known", "0" * 64, how, answers)


def reel(films: list[Path], model: Model, settings: Settings, place: Path) -> Made:
    place.mkdir()
    return make(films, REQUEST, model, settings, place / "reel.mp4", place / "cache")


def f1(made: Made, truth: dict[str, list[tuple[str, float, float]]]) -> float:
    """Intervals matched one to one at IoU over 0.5, per file and action."""
    found = json.loads(made.json.read_text())["highlights"]
    right = guessed = labelled = 0
    for name, spans in truth.items():
        for action in SPORTS["soccer"].asked:
            guesses = [
                (h["start"], h["end"]) for h in found if (h["file"], h["action"]) == (name, action)
            ]
            labels = [(a, b) for word, a, b in spans if word == action]
            right += matched(guesses, labels, 0.5).tp
            guessed, labelled = guessed + len(guesses), labelled + len(labels)
    return 2 * right / max(guessed + labelled, 1)


def cost(made: Made, settings: Settings, root: Path, rounds: int = 3) -> float:
    """CPU of writing the reel over CPU of decoding its frames and encoding them, medians."""
    ratios = []
    for _ in range(rounds):
        began = time.process_time()
        write_reel(root / "again.mp4", made.cuts, settings.encoding)
        between = time.process_time()
        bare(root / "bare.mp4", made, settings)
        ratios.append((between - began) / (time.process_time() - between))
    return sorted(ratios)[rounds // 2]


def bare(path: Path, made: Made, settings: Settings) -> None:
    """The same frames decoded and encoded alike, and nothing else."""
    with av.open(str(path), "w") as box:
        stream: Any = box.add_stream("libx264", rate=25)
        how = settings.encoding
        stream.codec_context.options = {"crf": str(how.crf), "preset": how.preset}
        number = 0
        for cut in made.cuts:
            for _, frame in frames(cut.shown, cut.start, cut.end):
                if not number:
                    stream.width, stream.height = frame.width, frame.height
                frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 25), 0
                number += 1
                box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


if __name__ == "__main__":
    main()
