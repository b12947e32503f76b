"""An estimate of a run's energy: CPU seconds times the watts that somebody states for a core."""

from collections.abc import Mapping
from typing import Any

FORMULA = "watt hours = CPU seconds x stated watts of a busy core / 3600; GPUs are not in it"


def estimate(record: Mapping[str, Any], watts: float) -> dict[str, Any]:
    """Watt hours of each stage that ran in this run, and of all. Nothing was measured."""
    spent = {n: s["cpu_seconds"] for n, s in record["stages"].items() if s["cpu_seconds"]}
    hours = {name: round(seconds * watts / 3600, 4) for name, seconds in spent.items()}
    return {
        "formula": FORMULA,
        "watts": watts,
        "cpu_seconds": round(sum(spent.values()), 2),
        "stages": hours,
        "watt_hours": round(sum(hours.values()), 4),
    }
