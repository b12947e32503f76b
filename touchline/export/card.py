"""Write and check the model card; each score in it is a link into `evaluate.json`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline.errors import InputError
from touchline.model.trained_with import TrainedWith

if TYPE_CHECKING:
    from touchline.export.folder import ExportLineage

SCORES_FILE = "evaluation/evaluate.json"
SCORE_LINK = re.compile(rf"\[(-?\d+(?:\.\d+)?)\]\({re.escape(SCORES_FILE)}#(/[^)\s]+)\)")
SCORE_HEADINGS = ("## Scores", "## How to load it")  # the section between these holds links only
_LOADING = """
```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("FOLDER")
processor = AutoProcessor.from_pretrained("FOLDER")
```

`AutoProcessor` builds a video processor, too, and therefore needs torchvision. Without it, take
`AutoTokenizer` and `Qwen2VLImageProcessorPil`. For vLLM: `vllm serve FOLDER`; this was not tried.
"""
CARD_METRICS = ("f1", "f1_matched", "precision", "recall", "accuracy", "score", "error")


def render_model_card(
    stage: str,
    scores: Mapping[str, Any],
    lineage: "ExportLineage",
    licence_by_source: Mapping[str, tuple[str, str]],
    trained: TrainedWith,
    tasks: Sequence[str] = (),
) -> str:
    """Render the text of README.md. `licence_by_source` is {source: (licence, terms)}; `tasks` are
    the names of the exported lmms-eval tasks.
    """
    licences = "\n".join(
        f"- {name}: {licence} ({kind})" for name, (licence, kind) in licence_by_source.items()
    )
    return f"""{_card_header(stage, trained)}
{SCORE_HEADINGS[0]}

On matches it was not trained on, beside answers that need no model. Each figure links to its place
in the file it was made from, which also holds its interval.

{_score_table(stage, scores)}

{SCORE_HEADINGS[1]}
{_LOADING}{_lmms_section(tasks)}
## Terms of the data it was trained on

{licences}

{_lineage_section(lineage)}"""


def _card_header(stage: str, trained: TrainedWith) -> str:
    budget = trained.budget
    return f"""---
pipeline_tag: image-text-to-text
library_name: transformers
tags: [sports, video, action-spotting]
---
# A sports video model, after {stage}

It sees a few frames of a clip, may ask once for more, and answers questions about the sport in it.

## Intended use

Finding and counting actions in sports video, and research on it. It errs: nothing it says should
decide about a person or a bet. Ask it in the words and with the frame budget it was trained with;
`touchline.json` holds both ({budget.first} first frames, {budget.calls} calls of {budget.call}).
"""


def _lineage_section(lineage: "ExportLineage") -> str:
    data = "\n".join(f"- `{name}`: {digest}" for name, digest in sorted(lineage.data.items()))
    return f"""## Where it comes from

Run {lineage.run}, code {lineage.commit}. All parameters stand in `evaluation/lineage.json`, the
sha256 of every file of this folder in `digests.json`. Digests of the data:

{data}
"""


def _lmms_section(tasks: Sequence[str]) -> str:
    """How lmms-eval asks the test questions, where they came along."""
    if not tasks:
        return ""
    return f"""
## Asking the test questions again

`lmms_eval/` holds them for lmms-eval ({", ".join(tasks)}), with their pictures:

```
python -m lmms_eval --model MODEL --model_args pretrained=FOLDER \\
  --include_path FOLDER/lmms_eval --tasks touchline
```

They are asked in one turn, all frames at once and no tool to see more. So the scores are not those
above; they compare models with each other. The python there is the only code; read it first.
"""


def _score_table(stage: str, scores: Mapping[str, Any]) -> str:
    """A row per task and metric: the model, then each floor."""
    floors = [name for name in scores["candidates"] if name.startswith("floor.")]
    names = [stage, *floors]
    rows = [f"| task | metric | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for task, metrics in scores["candidates"][stage].items():
        for metric in (name for name in CARD_METRICS if name in metrics):
            cells = [_linked_score(scores, name, task, metric) for name in names]
            rows.append(f"| {task} | {metric} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _linked_score(scores: Mapping[str, Any], name: str, task: str, metric: str) -> str:
    value = scores["candidates"][name].get(task, {}).get(metric, {}).get("value")
    if value is None:
        return "-"
    return f"[{value:.3f}]({SCORES_FILE}#/candidates/{name}/{task}/{metric}/value)"


def check_model_card(folder: Path) -> None:
    """Raise `InputError` if a score in the exported folder's README.md differs from its evaluation
    file, or links to none.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    scores = json.loads((folder / SCORES_FILE).read_text(encoding="utf-8"))
    for printed, pointer in _find_score_links(text):
        value = _resolve_pointer(scores, pointer)
        if value is None or f"{value:.3f}" != printed:
            wrong = f"says {printed} where {pointer} of {SCORES_FILE} is {value}"
            raise InputError(folder / "README.md", wrong, "export it again")
    section = text.split(SCORE_HEADINGS[0])[1].split(SCORE_HEADINGS[1])[0]
    bare = re.findall(r"\d+\.\d+|\d+ ?%", SCORE_LINK.sub("", section))
    if bare:
        raise InputError(
            folder / "README.md", f"{bare[0]} links to no evaluation", "export it again"
        )


def _find_score_links(text: str) -> Iterator[tuple[str, str]]:
    return ((link[1], link[2]) for link in SCORE_LINK.finditer(text))


def _resolve_pointer(scores: Any, pointer: str) -> float | None:
    for key in pointer.strip("/").split("/"):
        scores = scores.get(key) if isinstance(scores, dict) else None
    return scores if isinstance(scores, int | float) else None
