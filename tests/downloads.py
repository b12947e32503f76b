"""The download stage as tests call it: the thresholds of params.yaml, faults told in full."""

from pathlib import Path
from typing import Any

from stages.download import DownloadParams, main
from touchline.licence import LicenceParams

HEALTH = {"repeats": 0.1, "languages": ["en"], "clock": 0, "drift": 3.0}
TOLD = LicenceParams(inside=["log"])


def params(on_fault: str, sources: dict[str, dict[str, Any]]) -> DownloadParams:
    given = {"on_fault": on_fault, "workers": 1, "health": HEALTH, "sources": sources}
    return DownloadParams.model_validate(given)


def downloaded(
    folder: Path, given: DownloadParams, licence: LicenceParams = TOLD
) -> dict[str, float]:
    """Totals of the stage; its products are `videos`, `manifest` and `health` below `folder`."""
    return main(given, licence, folder / "videos", folder / "manifest", folder / "health")
