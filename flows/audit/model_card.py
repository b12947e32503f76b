"""The model card of an audit: each number links to its place in a measured file."""

from collections.abc import Iterator

from flows.audit.facts import Case
from flows.audit.figures import pointer


def write(case: Case) -> str:
    """The text of card.md; what is quoted in backticks stands so in run.json."""
    models = "\n".join(f"- `{path}`: `{md5}`" for path, md5 in case.models.items())
    made = {file["path"]: file for file in case.made()}
    data = "\n".join(
        f"- `{path}`: `{file['md5']}`" + (f", terms: {file['terms']}" if file["terms"] else "")
        for path, file in made.items()
        if path not in case.models and file["md5"].endswith(".dir")
    )
    return f"""# Model card

## Models of run `{case.run["id"]}`

{models or "This run made no model."}

Code: commit `{case.run["commit"]}`{_dirt(case)}. The parameters stand in `params`
of run.json and, as they were typed, in the file beside this one.

## Intended use

Research and experiments on the tasks that it was scored on. It errs; nothing that it says should
decide about a person or a bet, and it was not examined for use on other footage than that below.

## Data

{data or "No dataset of this run is recorded."}

## Scores

Value, and in brackets the interval, on the run's test questions.

{chr(10).join(_scores(case)) or "Nothing was scored in this run."}
"""


def _dirt(case: Case) -> str:
    digest = case.run["difference"]
    return f" and uncommitted changes, sha256 `{digest}`" if digest else ""


def _scores(case: Case) -> Iterator[str]:
    for stage, name, task, metric, found in case.scores():
        place = ("candidates", name, task, metric)
        told = _figures(f"measured/{stage}.json", place, found)
        yield f"- `{name}` `{task}` `{metric}`: {told}"


def _figures(file: str, place: tuple[str, ...], found: dict[str, float]) -> str:
    value = _link(file, place, "value", found["value"])
    if found.get("low") is None:
        return value
    low, high = (_link(file, place, end, found[end]) for end in ("low", "high"))
    return f"{value} ({low} to {high})"


def _link(file: str, place: tuple[str, ...], end: str, value: float) -> str:
    said = f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
    return f"[{said}]({file}#{pointer(*place, end)})"
