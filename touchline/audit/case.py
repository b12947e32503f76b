"""What an audit is made of: a run's record, and beside it what was found of its files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One run, and of what in it the audit is asked."""

    run: dict[str, Any]  # the record, as it stands in its JSON
    subject: dict[str, Any]  # kind (run, model, metric), name, and its digest or value
    products: Path  # the tables and descriptions of the products, below their paths
    texts: dict[str, bytes]  # what models were told in words, by the path in the project
    files: dict[str, bytes]  # params.yaml, dvc.yaml, requirements.lock, as the run had them
    events: dict[str, bytes]  # run -> its part of the chain of events
    origins: dict[str, str]  # stage -> the run that made what stands now
    about: dict[str, str]  # stage -> dvc.yaml's sentence on it
    models: dict[str, str]  # path of a model -> its digest
    watts: float  # of a busy core, stated by whoever runs it
    digests: dict[str, dict[str, str]] = field(default_factory=dict)  # product -> file -> md5
    missing: list[str] = field(default_factory=list)  # products whose objects were collected

    def terms(self, path: str) -> str:
        """open, request, nda, or "" where the product does not say."""
        return next((f["terms"] for f in self.made() if f["path"] == path), "")

    def made(self) -> list[dict[str, Any]]:
        return [file for stage in self.run["stages"].values() for file in stage["products"]]

    def scores(self) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
        """(stage, candidate, task, metric, its value and interval) of all that was scored."""
        for stage, done in self.run["stages"].items():
            for name, tasks in done["metrics"].get("candidates", {}).items():
                for task, metrics in tasks.items():
                    for metric, found in metrics.items():
                        if isinstance(found, dict) and found.get("value") is not None:
                            yield stage, name, task, metric, found
