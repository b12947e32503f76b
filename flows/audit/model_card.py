"""The model card of an audit; each number links to its place in a file under measured/."""

from collections.abc import Iterator

from flows.audit.facts import AuditCase
from flows.audit.figures import build_pointer


def format_model_card(case: AuditCase) -> str:
    """The text of card.md. Text in backticks is quoted verbatim from run.json."""
    models = "\n".join(f"- `{path}`: `{md5}`" for path, md5 in case.models.items())
    products = {file["path"]: file for file in case.product_files()}
    data = "\n".join(
        f"- `{path}`: `{file['md5']}`" + (f", terms: {file['terms']}" if file["terms"] else "")
        for path, file in products.items()
        if path not in case.models and file["md5"].endswith(".dir")
    )
    return f"""# Model card

## Models of run `{case.run["id"]}`

{models or "This run made no model."}

Code: commit `{case.run["commit"]}`{_uncommitted_note(case)}. The parameters stand in `params`
of run.json and, as they were typed, in the file beside this one.

## Intended use

Research and experiments on the tasks that it was scored on. It errs; nothing that it says should
decide about a person or a bet, and it was not examined for use on other footage than that below.

## Data

{data or "No dataset of this run is recorded."}

## Scores

Value, and in brackets the interval, on the run's test questions.

{chr(10).join(_score_lines(case)) or "Nothing was scored in this run."}
"""


def _uncommitted_note(case: AuditCase) -> str:
    digest = case.run["difference"]
    return f" and uncommitted changes, sha256 `{digest}`" if digest else ""


def _score_lines(case: AuditCase) -> Iterator[str]:
    for stage, name, task, metric, score in case.scores():
        place = ("candidates", name, task, metric)
        interval = _linked_interval(f"measured/{stage}.json", place, score)
        yield f"- `{name}` `{task}` `{metric}`: {interval}"


def _linked_interval(file: str, place: tuple[str, ...], score: dict[str, float]) -> str:
    value = _linked_value(file, place, "value", score["value"])
    if score.get("low") is None:
        return value
    low, high = (_linked_value(file, place, end, score[end]) for end in ("low", "high"))
    return f"{value} ({low} to {high})"


def _linked_value(file: str, place: tuple[str, ...], end: str, value: float) -> str:
    shown_value = f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
    return f"[{shown_value}]({file}#{build_pointer(*place, end)})"
