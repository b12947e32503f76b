"""Export a trained model as a self-contained Hugging Face folder, or refuse."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline import licence
from touchline.atomic import atomic_folder
from touchline.errors import InputError
from touchline.export.card import render_model_card
from touchline.model.load import HUB_POINTER
from touchline.model.trained_with import TRAINED_WITH_FILE, read_trained_with

if TYPE_CHECKING:
    from touchline.evaluation.test_set import EvalSet

    Asked = tuple[EvalSet, int]  # the test questions, and how many tokens an answer may have

EXPORTED_FILES = (
    *("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json"),
    *("special_tokens_map.json", "chat_template.jinja", "preprocessor_config.json"),
    *("processor_config.json", TRAINED_WITH_FILE, licence.TERMS_FILE),
)  # no log, no rollouts, no adapter beside merged weights: they hold words of the data
EVALUATION_FILE = "evaluation/evaluate.json"
LINEAGE_FILE = "evaluation/lineage.json"
TASKS_FOLDER = "lmms_eval"
DIGESTS_FILE = "digests.json"
STOCK_PROCESSORS = {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor"}
DEFAULT_PROCESSOR = "Qwen3VLProcessor"


@dataclass(frozen=True)
class ExportLineage:
    """Provenance and scores of an exported model."""

    run: str
    commit: str
    stage: str  # sft or rl: the candidate of the evaluation
    params: dict[str, Any]
    data: dict[str, str]  # product -> digest
    versions: dict[str, str]
    scores: dict[str, Any]  # as `evaluate` measured them


def export_model_folder(
    model: Path, lineage: ExportLineage, out: Path, tasks: "Asked | None" = None
) -> None:
    """Write the export folder `out` atomically: weights, tokenizer, processor, model card, scores,
    lineage, digests.

    `tasks` is (test set, answer tokens): exported as lmms-eval tasks, limited to clips with open
    terms. Raises `InputError` if the model's data may not be passed on, its weights are not in its
    folder, it was not evaluated, or `out` exists.
    """
    licence_by_source = _check_open_licences(model)
    if (model / HUB_POINTER).is_file():
        raise InputError(model, "is a pointer to a hub", "export what was trained from it")
    if lineage.stage not in lineage.scores.get("candidates", {}):
        wrong = f"nothing says how {lineage.stage} scored"
        raise InputError(lineage.run, wrong, "run `touchline retrain` up to evaluate")
    if out.exists():
        raise InputError(f"-o {out}", "is there already", "name a folder that is not")
    with atomic_folder(out) as draft:
        for path in sorted({path for kind in EXPORTED_FILES for path in model.glob(kind)}):
            shutil.copyfile(path, draft / path.name)
        _use_stock_processor(draft)
        (draft / "evaluation").mkdir()
        _write_json(draft / EVALUATION_FILE, lineage.scores)
        lineage_fields = ("run", "commit", "stage", "params", "data", "versions")
        _write_json(draft / LINEAGE_FILE, {name: getattr(lineage, name) for name in lineage_fields})
        names = _write_tasks_folder(draft / TASKS_FOLDER, tasks)
        text = render_model_card(
            lineage.stage,
            lineage.scores,
            lineage,
            licence_by_source,
            read_trained_with(model),
            names,
        )
        (draft / "README.md").write_text(text, encoding="utf-8")
        _write_json(draft / DIGESTS_FILE, digest_folder_files(draft))


def _write_tasks_folder(folder: Path, tasks: "Asked | None") -> list[str]:
    from touchline.export import lmms

    return lmms.write_lmms_tasks(folder, *tasks) if tasks else []


def digest_folder_files(folder: Path) -> dict[str, str]:
    """sha256 of every file in `folder` except `digests.json`, by relative path."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS_FILE
    )
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _check_open_licences(model: Path) -> dict[str, tuple[str, str]]:
    licence_by_source = licence.read_product_terms(model)
    bound = sorted(name for name, (_, kind) in licence_by_source.items() if kind != "open")
    if bound:
        wrong = f"was trained on what may not be passed on: {', '.join(bound)}"
        raise InputError(model, wrong, "train without these sources, or ask their owners")
    return licence_by_source


def _use_stock_processor(folder: Path) -> None:
    """Name the stock processor of the family in place of our own class, which is its subset."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    for path in sorted(folder.glob("*_config.json")) + sorted(folder.glob("config.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)  # may be a path of the machine that trained it
        config.pop("name_or_path", None)
        if config.get("processor_class") == "FramesProcessor":
            config["processor_class"] = STOCK_PROCESSORS.get(kind, DEFAULT_PROCESSOR)
        _write_json(path, config)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
