"""Export a run's test questions as lmms-eval tasks: a YAML file and a Parquet table per task, and
one Python file.

Questions are asked in one turn, because lmms-eval has no frame tool that all its models could call:
all frames of the budget are shown at once and the instructions mention no tool. Data of the run
goes only into Parquet and JSON; the Python file is copied unchanged.
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
from touchline.chat.messages import build_messages
from touchline.chat.tools.choose_frames import ToolSession
from touchline.evaluation.candidates.candidate import EvalItem
from touchline.evaluation.test_set import EvalSet
from touchline.progress import ProgressReporter

TASKS_MODULE = "touchline_tasks"  # the name of the copied file
TASK_METRICS = {
    "spotting": {"f1": f"!{TASKS_MODULE}.f1", "f1_matched": f"!{TASKS_MODULE}.f1"},
    "counting": {"accuracy": "mean"},
    "choice": {"accuracy": "mean"},
    "score": {"accuracy": "mean"},
    "open": {"rouge_l": "mean"},
}
ROWS_PER_GROUP = 32  # per row group: pictures are large
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
FEATURE_DTYPES = {"string": "string", "double": "float64"}


def write_lmms_tasks(folder: Path, bench: EvalSet, turn_tokens: int) -> list[str]:
    """Write the lmms-eval tasks into `folder` and return their names. Only clips with open terms
    are included; if there are none, nothing is written.
    """
    games = [game for game in bench.load_items() if licence.rank_terms(game.clip.terms) == 0]
    tasks = sorted({game.question.task for game in games} & set(TASK_METRICS))
    if not tasks:
        return []
    folder.mkdir(parents=True)
    shutil.copyfile(Path(__file__).with_name("lmms_tasks.py"), folder / f"{TASKS_MODULE}.py")
    with ProgressReporter("questions", len(games)) as progress:
        for task in tasks:
            task_games = [game for game in games if game.question.task == task]
            _write_question_table(folder / f"{task}.parquet", task_games, bench, progress)
            _write_task_yaml(folder / f"touchline_{task}.yaml", task, turn_tokens)
    return [f"touchline_{task}" for task in tasks]


def _write_question_table(
    file: Path, games: Sequence[EvalItem], bench: EvalSet, progress: ProgressReporter
) -> None:
    features = {field.name: _dataset_feature(field) for field in SCHEMA}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    with pq.ParquetWriter(file, SCHEMA.with_metadata(metadata)) as out:
        for at in range(0, len(games), ROWS_PER_GROUP):
            rows = [_build_row(game, bench) for game in games[at : at + ROWS_PER_GROUP]]
            out.write_table(pa.Table.from_pylist(rows, SCHEMA))
            progress.advance_to(progress.done + len(rows))


def _dataset_feature(field: pa.Field) -> dict[str, Any]:
    """As `datasets` reads it back: the pictures of a row as pictures."""
    if field.name == "images":
        return {"feature": {"_type": "Image"}, "_type": "List"}
    if field.name == "evidence":
        return {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "List"}
    return {"dtype": FEATURE_DTYPES[str(field.type)], "_type": "Value"}


def _build_row(game: EvalItem, bench: EvalSet) -> dict[str, Any]:
    question, dialogue = game.question, bench.dialogue
    whole = bench.budget.model_copy(update={"first": bench.budget.max_frames, "calls": 0})
    blocks = ToolSession(game.reel, whole).open()
    times = [block["time"] for block in blocks if block["type"] == "image"]
    bare = [{"type": "image"} if block["type"] == "image" else block for block in blocks]
    messages = build_messages(question, bare, dialogue, _instructions_without_tool(dialogue))
    return {
        "id": question.id,
        "sport": question.sport,
        "action": question.action,
        "messages": json.dumps(messages, ensure_ascii=False),
        "images": [{"bytes": png, "path": None} for png in _encode_pngs(game, times)],
        "truth": question.truth,
        "evidence": question.evidence,
        "zero": dialogue.clock_offset(game.clip),
    }


def _instructions_without_tool(dialogue: Dialogue) -> str:
    """Instructions that speak of no tool; the spotting paper's never did."""
    if not dialogue.thinks:
        return ""
    return Path(__file__).with_name("watching.txt").read_text(encoding="utf-8").strip()


def _encode_pngs(game: EvalItem, times: Sequence[float]) -> Iterator[bytes]:
    for picture in game.reel.fetch(times) if times else ():
        file = io.BytesIO()
        picture.save(file, "png")
        yield file.getvalue()


def _write_task_yaml(file: Path, task: str, turn_tokens: int) -> None:
    """Functions are named by lmms-eval's own tag, which loads the file beside it."""
    functions = {"doc_to_visual": "doc_to_visual", "doc_to_text": "doc_to_text"}
    functions |= {"doc_to_messages": "doc_to_messages", "process_results": f"{task}_results"}
    metrics = [
        {"metric": name, "aggregation": aggregation, "higher_is_better": True}
        for name, aggregation in TASK_METRICS[task].items()
    ]
    config = {
        "task": f"touchline_{task}",
        "tag": "touchline",
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": f"{task}.parquet"}},
        "test_split": "test",
        "output_type": "generate_until",
        **{key: f"!{TASKS_MODULE}.{name}" for key, name in functions.items()},
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
    writer.dump(config, text)
    file.write_text(_tag_functions(text.getvalue()), encoding="utf-8")


def _tag_functions(text: str) -> str:
    """`'!file.name'` as the tag `!function file.name`; all words here are our own."""
    return text.replace(f"'!{TASKS_MODULE}.", f"!function '{TASKS_MODULE}.")
