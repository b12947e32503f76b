"""The test questions of a run as tasks of lmms-eval: a YAML and a table per task, one python file.

A question is asked in one turn: lmms-eval has no frame tool that all its models could call. So all
the frames of the budget are shown at once, and the instructions speak of no tool. What comes from
the run goes into Parquet and JSON alone; the python is a fixed file.
"""

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from touchline import licence
from touchline.chat.dialogue import Dialogue
from touchline.chat.messages import asked
from touchline.chat.tools.choose_frames import Viewing
from touchline.evaluation.candidates.candidate import Game
from touchline.evaluation.test_set import Bench
from touchline.progress import Progress

PYTHON = "touchline_tasks"  # the name of the copied file
METRICS = {
    "spotting": {"f1": f"!{PYTHON}.f1", "f1_matched": f"!{PYTHON}.f1"},
    "counting": {"accuracy": "mean"},
    "choice": {"accuracy": "mean"},
    "score": {"accuracy": "mean"},
    "open": {"rouge_l": "mean"},
}
ROWS = 32  # per row group: pictures are large
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("sport", pa.string()),
        ("action", pa.string()),
        ("messages", pa.string()),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("truth", pa.string()),
        ("evidence", pa.list_(pa.float64())),
        ("zero", pa.float64()),
    ]
)
KINDS = {"string": "string", "double": "float64"}


def write(folder: Path, bench: Bench, turn_tokens: int) -> list[str]:
    """Fill `folder`; the names of the tasks. None where no clip asked about is open to all."""
    games = [game for game in bench.games() if licence.rank(game.clip.terms) == 0]
    tasks = sorted({game.question.task for game in games} & set(METRICS))
    if not tasks:
        return []
    folder.mkdir(parents=True)
    shutil.copyfile(Path(__file__).with_name("lmms_tasks.py"), folder / f"{PYTHON}.py")
    with Progress("questions", len(games)) as progress:
        for task in tasks:
            mine = [game for game in games if game.question.task == task]
            _table(folder / f"{task}.parquet", mine, bench, progress)
            _yaml(folder / f"touchline_{task}.yaml", task, turn_tokens)
    return [f"touchline_{task}" for task in tasks]


def _table(file: Path, games: Sequence[Game], bench: Bench, progress: Progress) -> None:
    features = {field.name: _feature(field) for field in SCHEMA}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    with pq.ParquetWriter(file, SCHEMA.with_metadata(told)) as out:
        for at in range(0, len(games), ROWS):
            rows = [_row(game, bench) for game in games[at : at + ROWS]]
            out.write_table(pa.Table.from_pylist(rows, SCHEMA))
            progress.to(progress.done + len(rows))


def _feature(field: pa.Field) -> dict[str, Any]:
    """As `datasets` reads it back: the pictures of a row as pictures."""
    if field.name == "images":
        return {"feature": {"_type": "Image"}, "_type": "List"}
    if field.name == "evidence":
        return {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "List"}
    return {"dtype": KINDS[str(field.type)], "_type": "Value"}


def _row(game: Game, bench: Bench) -> dict[str, Any]:
    question, dialogue = game.question, bench.dialogue
    whole = bench.budget.model_copy(update={"first": bench.budget.most, "calls": 0})
    blocks = Viewing(game.reel, whole).open()
    times = [block["time"] for block in blocks if block["type"] == "image"]
    bare = [{"type": "image"} if block["type"] == "image" else block for block in blocks]
    messages = asked(question, bare, dialogue, _rules(dialogue))
    return {
        "id": question.id,
        "sport": question.sport,
        "action": question.action,
        "messages": json.dumps(messages, ensure_ascii=False),
        "images": [{"bytes": png, "path": None} for png in _pngs(game, times)],
        "truth": question.truth,
        "evidence": question.evidence,
        "zero": dialogue.zero(game.clip),
    }


def _rules(dialogue: Dialogue) -> str:
    """Instructions that speak of no tool; the spotting paper's never did."""
    if not dialogue.thinks:
        return ""
    return Path(__file__).with_name("watching.txt").read_text(encoding="utf-8").strip()


def _pngs(game: Game, times: Sequence[float]) -> Iterator[bytes]:
    for picture in game.reel.fetch(times) if times else ():
        file = io.BytesIO()
        picture.save(file, "png")
        yield file.getvalue()


def _yaml(file: Path, task: str, turn_tokens: int) -> None:
    """Functions are named by lmms-eval's own tag, which loads the file beside it."""
    functions = {"doc_to_visual": "doc_to_visual", "doc_to_text": "doc_to_text"}
    functions |= {"doc_to_messages": "doc_to_messages", "process_results": f"{task}_results"}
    metrics = [
        {"metric": name, "aggregation": how, "higher_is_better": True}
        for name, how in METRICS[task].items()
    ]
    said = {
        "task": f"touchline_{task}",
        "tag": "touchline",
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": f"{task}.parquet"}},
        "test_split": "test",
        "output_type": "generate_until",
        **{key: f"!{PYTHON}.{name}" for key, name in functions.items()},
        "doc_to_target": "truth",
        "generation_kwargs": {
            "max_new_tokens": turn_tokens, "temperature": 0, "do_sample": False, "until": [],
        },
        "metric_list": metrics,
        "metadata": [{"version": 1.0}],
    }  # fmt: skip
    text = io.StringIO()
    writer = YAML(typ="safe")
    writer.default_flow_style = False
    writer.dump(said, text)
    file.write_text(_tagged(text.getvalue()), encoding="utf-8")


def _tagged(text: str) -> str:
    """`'!file.name'` as the tag `!function file.name`; all words here are our own."""
    return text.replace(f"'!{PYTHON}.", f"!function '{PYTHON}.")
