"""Write a trained model as a Hugging Face folder that needs nothing of ours, or refuse."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline import licence
from touchline.atomic import whole_folder
from touchline.errors import BadInput
from touchline.export.card import card
from touchline.model.load import POINTER
from touchline.model.trained_with import FILE as TRAINED
from touchline.model.trained_with import read

if TYPE_CHECKING:
    from touchline.evaluation.test_set import Bench

    Asked = tuple[Bench, int]  # the test questions, and how many tokens an answer may have

TAKEN = (
    *("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json"),
    *("special_tokens_map.json", "chat_template.jinja", "preprocessor_config.json"),
    *("processor_config.json", TRAINED, licence.FILE),
)  # no log, no rollouts, no adapter beside merged weights: they hold words of the data
EVALUATION = "evaluation/evaluate.json"
LINEAGE = "evaluation/lineage.json"
TASKS = "lmms_eval"
DIGESTS = "digests.json"
STOCK = {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor"}
LATER = "Qwen3VLProcessor"


@dataclass(frozen=True)
class Lineage:
    """Where a model comes from and what it scored."""

    run: str
    commit: str
    stage: str  # sft or rl: the candidate of the evaluation
    params: dict[str, Any]
    data: dict[str, str]  # product -> digest
    versions: dict[str, str]
    scores: dict[str, Any]  # as `evaluate` measured them


def export(model: Path, lineage: Lineage, out: Path, tasks: "Asked | None" = None) -> None:
    """Write the folder whole: weights, tokenizer, processor, card, scores, lineage, digests.

    `tasks` are written as tasks of lmms-eval, as far as their clips are open to all.

    Raises `BadInput` for a model whose terms forbid passing it on, whose weights are not in its
    folder, which was not evaluated, and for an `out` that is there already.
    """
    held = _allowed(model)
    if (model / POINTER).is_file():
        raise BadInput(model, "is a pointer to a hub", "export what was trained from it")
    if lineage.stage not in lineage.scores.get("candidates", {}):
        wrong = f"nothing says how {lineage.stage} scored"
        raise BadInput(lineage.run, wrong, "run `touchline retrain` up to evaluate")
    if out.exists():
        raise BadInput(f"-o {out}", "is there already", "name a folder that is not")
    with whole_folder(out) as draft:
        for path in sorted({path for kind in TAKEN for path in model.glob(kind)}):
            shutil.copyfile(path, draft / path.name)
        _unbind(draft)
        (draft / "evaluation").mkdir()
        _write(draft / EVALUATION, lineage.scores)
        told = ("run", "commit", "stage", "params", "data", "versions")
        _write(draft / LINEAGE, {name: getattr(lineage, name) for name in told})
        names = _tasks(draft / TASKS, tasks)
        text = card(lineage.stage, lineage.scores, lineage, held, read(model), names)
        (draft / "README.md").write_text(text, encoding="utf-8")
        _write(draft / DIGESTS, digests(draft))


def _tasks(folder: Path, tasks: "Asked | None") -> list[str]:
    from touchline.export import lmms

    return lmms.write(folder, *tasks) if tasks else []


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file but the list itself, by path."""
    every = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in every
    }


def _allowed(model: Path) -> dict[str, tuple[str, str]]:
    held = licence.known(model)
    bound = sorted(name for name, (_, kind) in held.items() if kind != "open")
    if bound:
        wrong = f"was trained on what may not be passed on: {', '.join(bound)}"
        raise BadInput(model, wrong, "train without these sources, or ask their owners")
    return held


def _unbind(folder: Path) -> None:
    """Name the stock processor of the family in place of our own class, which is its subset."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    for path in sorted(folder.glob("*_config.json")) + sorted(folder.glob("config.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        found.pop("_name_or_path", None)  # may be a path of the machine that trained it
        found.pop("name_or_path", None)
        if found.get("processor_class") == "FramesProcessor":
            found["processor_class"] = STOCK.get(kind, LATER)
        _write(path, found)


def _write(path: Path, given: Any) -> None:
    path.write_text(json.dumps(given, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
