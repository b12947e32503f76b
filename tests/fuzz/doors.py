"""The doors through which strangers' files come in, each with valid files to change.

A kind of door is made once, in a folder that it may write to; what it returns is called with an
empty room and a source of chance, puts changed files into the room and gives the door to open.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, get_type_hints

from flows.runs import overrides
from stages import ask, caption, chunk
from tests.downloads import downloaded, params
from tests.external_answers.conftest import RULE, exported, opened
from tests.films import film
from tests.fuzz import mutate, parquet
from tests.fuzz.raw import Specimen, specimens
from tests.report.conftest import evaluated
from touchline.chat.dialogue import DEFAULT_DIALOGUE
from touchline.config import Params, load_params_section
from touchline.external_answers import soccernet
from touchline.external_answers.score import score_external_answers, write_external_results
from touchline.licence import LicenceParams
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import write_records
from touchline.sources.fetch import manifest
from touchline.sports.soccer import WORDS

ROOT = Path(__file__).parents[2]
STAGES = (
    "download", "chunk", "caption", "ask", "distill", "validate", "sft", "rl", "evaluate", "report",
)  # fmt: skip
Door = Callable[[], object]
Make = Callable[[Path, Random], tuple[str, Door]]


def labels(own: Path) -> Make:
    """Raw labels and lists of splits of every source; then clips and questions of what is left."""
    return _raw([one for one in specimens(film(own / "film.mkv")) if not one.spoken])


def transcripts(own: Path) -> Make:
    """Raw commentary in Echoes' form."""
    return _raw([one for one in specimens(film(own / "film.mkv")) if one.spoken])


def _raw(every: Sequence[Specimen]) -> Make:
    def make(room: Path, random: Random) -> tuple[str, Door]:
        often = [1 if one.film else 20 for one in every]  # a film takes its time
        (one,) = random.choices(every, often)
        one.lay(room)
        name = random.choice(one.changed())
        change = mutate.csv_file if name.endswith("csv") else mutate.json_file
        (room / name).write_bytes(change((room / name).read_bytes(), random))
        given = params(random.choice(("drop", "drop", "stop")), {one.source: one.settings})
        return f"{one.source}: {name[-24:]}", lambda: _asked(room, given)

    return make


def _asked(room: Path, given: Any) -> None:
    """From the raw files to questions."""
    downloaded(room / "out", given)
    _chunk(room / "out")
    _caption(room / "out")
    _ask(room / "out")


def _chunk(out: Path) -> None:
    cut = _section("chunk", chunk.ChunkParams).model_copy(update={"workers": 1, "stride": 60})
    chunk.main(cut, out / "videos", out / "manifest", out / "frames", out / "clips")


def _caption(out: Path) -> None:
    given = _section("caption", caption.CaptionParams)
    caption.main(given, DEFAULT_DIALOGUE, out / "manifest", out / "clips", out / "captions")


def _ask(out: Path) -> None:
    given = _section("ask", ask.AskParams).model_copy(update={"commentary": True})
    places = [out / name for name in ("manifest", "clips", "captions", "frames", "questions")]
    ask.main(given, DEFAULT_DIALOGUE, *places)


@cache
def _section(name: str, kind: type[Params]) -> Any:
    return load_params_section(kind, name, ROOT / "params.yaml")


def products(own: Path) -> Make:
    """Parquet and JSON products, read by the stages after them and by `touchline score`."""
    made = own / "products"
    for one in specimens(film(own / "film.mkv")):
        if one.source == "soccernet" and not one.spoken:
            one.lay(own)
            root = {"folder": str(own / "games"), "echoes": str(own / "echoes")}
            _asked(own, params("drop", {one.source: one.settings | root}))
    (own / "out").rename(made)
    fetched = [manifest.FetchedFile("a/1.mkv", 3, "0" * 64, "h264", 25.0, 50, 2.0)]
    manifest.update_fetch_manifest(made / "fetched.json", fetched)
    world = evaluated(Random(7))
    answers = exported(own / "answers.jsonl", world.answers["rl"][:40])

    doors: dict[str, Callable[[Path], object]] = {
        "manifest/videos.parquet": _chunk,
        "manifest/labels.parquet": _ask,
        "manifest/speech.parquet": _caption,
        "clips/clips.parquet": lambda out: (_caption(out), _ask(out)),
        "captions/captions.parquet": _ask,
        "manifest/terms.json": _ask,
        "clips/terms.json": _ask,
        "fetched.json": lambda out: manifest.read_fetch_manifest(out / "fetched.json"),
        "questions/questions.parquet": lambda out: score_external_answers(
            answers, "my", opened(out), RULE
        ),
    }

    def make(room: Path, random: Random) -> tuple[str, Door]:
        name = random.choice([*doors])
        shutil.copytree(made, room / "out")
        file = room / "out" / name
        change = mutate.json_file if name.endswith("json") else parquet.change
        file.write_bytes(change(file.read_bytes(), random))
        return name, lambda: doors[name](room / "out")

    return make


def predictions(own: Path) -> Make:
    """Answers, a JSON object a line, and folders of SoccerNet's predictions."""
    world = evaluated(Random(7))
    few = sorted(world.questions.values(), key=lambda q: Random(q.id).random())[:12]
    write_records(own / "clips/clips.parquet", Clip, world.clips.values())
    write_records(own / "questions/questions.parquet", Question, few)
    write_records(own / "captions/captions.parquet", Caption, [])
    asked = {question.id for question in few}
    given = exported(own / "a", [r for r in world.answers["rl"] if r.question in asked])
    lines = given.read_bytes()
    spots = [_spot(number) for number in range(4)]

    def of_answers(room: Path, sheet: Any) -> None:
        result = score_external_answers(room / "a.jsonl", "my", sheet, RULE)
        write_external_results(
            room / "out", result, sheet, {"file": "a.jsonl"}, LicenceParams(inside=[])
        )

    def make(room: Path, random: Random) -> tuple[str, Door]:
        if random.random() < 0.6:
            (room / "a.jsonl").write_bytes(mutate.json_lines(lines, random))
            return "answers", lambda: of_answers(room, opened(own))
        truth, file = room / "labels/a/b/c/Labels-v2.json", room / "my/a/b/c/results_spotting.json"
        for one, key in ((truth, "annotations"), (file, "predictions")):
            one.parent.mkdir(parents=True)
            one.write_text(json.dumps({key: spots}))
        file.write_bytes(mutate.json_file(file.read_bytes(), random))
        return "spotting", lambda: soccernet.score_soccernet_spotting(
            room / "my", room / "labels", "my"
        )

    return make


def _spot(number: int) -> dict[str, Any]:
    half, label = 1 + number % 2, sorted(WORDS)[number]
    clock, position = f"{half} - {number:02}:00", str(number * 60_000)
    return {"gameTime": clock, "label": label, "position": position, "half": str(half),
            "confidence": "0.75"}  # fmt: skip


def settings(own: Path) -> Make:
    """params.yaml, presets and `--set`, read as every stage reads its sections."""
    parts = re.split(r"\n(?=\w+:)", (ROOT / "params.yaml").read_text())
    sections = {part.split(":")[0]: part for part in parts[1:]}
    presets = [path.read_text() for path in sorted((ROOT / "presets").glob("*.yaml"))]
    given = overrides.flatten_params(overrides.read_yaml_mapping(ROOT / "params.yaml"))
    mains = [import_module(f"stages.{name}").main for name in STAGES]
    hints = [item for main in mains for item in get_type_hints(main).items()]
    kinds = {name: kind for name, kind in hints if name in sections and kind is not Path}

    def read(room: Path, preset: str | None, sets: list[str], names: list[str]) -> None:
        overrides.apply_overrides(room, preset, sets)
        for name in names:
            load_params_section(kinds[name], name, room / "params.yaml")

    def make(room: Path, random: Random) -> tuple[str, Door]:
        names = random.sample(sorted(kinds), 2)  # of the whole file, a case would take a second
        text = "\n".join(sections[name] for name in names)
        (room / "presets").mkdir()
        (room / "params.yaml").write_text(text)
        draw = random.random()
        if draw < 0.5:
            near = {key: one for key, one in given.items() if key.split(".")[0] in names}
            sets = [_set(near, random) for _ in range(random.choice((1, 1, 2)))]
            return "--set", lambda: read(room, None, sets, names)
        if draw < 0.75:
            changed = mutate.yaml_file(random.choice([*presets, text, text]).encode(), random)
            (room / "presets/mine.yaml").write_bytes(changed)
            name = random.choice(("mine", "mine", "mine", random.choice(mutate.TEXTS)))
            return "preset", lambda: read(room, name, [], names)
        (room / "params.yaml").write_bytes(mutate.yaml_file(text.encode(), random))
        return "params.yaml", lambda: read(room, None, [], names)

    return make


def _set(known: Mapping[str, Any], random: Random) -> str:
    """Half of them of a kind that may pass: a value that another key has."""
    key = random.choice(sorted(known))
    if random.random() < 0.5:
        alike = [one for one in known.values() if type(one) is type(known[key])]
        return f"{key}={json.dumps(random.choice(alike))}"
    cut = random.randrange(len(key) + 1)
    key = random.choice((key, key, key, key, key[:cut], f"{key}.x", key.split(".")[0]))
    drawn = random.choice((mutate.as_json(mutate.value(random)), str(mutate.value(random))))
    return random.choice((f"{key}={drawn}", f"{key}={drawn}", f"{key}={drawn}", key, drawn, "="))


DOORS: dict[str, Callable[[Path], Make]] = {
    "labels": labels,
    "transcripts": transcripts,
    "products": products,
    "predictions": predictions,
    "params": settings,
}
