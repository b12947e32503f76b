"""The ablation as a table in words and as a page: what each variant gained, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.metrics.ablation import MAIN
from touchline.report.template import signed, write_page

TITLES = {
    MAIN: "Mean over tasks",
    "f1_30": "F1 at IoU 0.3",
    "f1_50": "F1 at IoU 0.5",
    "f1_70": "F1 at IoU 0.7",
    "frames": "frames",
    "tool_rate": "calls",
    "valid": "valid",
}
SHOWN = (MAIN, "f1_50", "f1_70")  # plotted
LEAST = 0.05  # half of the shortest axis


@dataclass(frozen=True)
class Whisker:
    """A difference on the axis of its plot; places in percent, `mark` is the value."""

    name: str
    difference: Mapping[str, Any]
    low: float
    high: float
    wide_low: float
    wide_high: float
    mark: float
    each: tuple[float, ...]

    @property
    def state(self) -> str:
        """Whether the interval over matches excludes zero."""
        if self.difference["low"] > 0:
            return "above"
        return "below" if self.difference["high"] < 0 else "unclear"


def as_text(figures: Mapping[str, Any]) -> str:
    """One line per variant: RL less SFT with its interval, then frames and tool use after RL."""
    lines = [
        f"RL less SFT on {figures['questions']} questions of {figures['matches']} unseen matches, "
        "95 % intervals over matches",
        f"{'variant':<14}{'seeds':>6}{'score':>24}{'F1 at IoU 0.5':>24}{'F1 at IoU 0.7':>24}"
        f"{'frames':>16}{'tool':>14}",
    ]
    for name, found in figures["variants"].items():
        cells = "".join(f"{_gain(found['differences'].get(metric)):>24}" for metric in SHOWN)
        frames, tool = _change(found, "frames", 1), _change(found, "tool_rate", 2)
        lines.append(f"{name:<14}{len(found['seeds']):>6}{cells}{frames:>16}{tool:>14}")
    return "\n".join(lines) + "\n"


def _gain(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    return f"{found['value']:+.3f} [{found['low']:+.3f},{found['high']:+.3f}]"


def _change(found: Mapping[str, Any], metric: str, digits: int) -> str:
    before, after = (found[who][metric]["value"] for who in ("sft", "rl"))
    return f"{before:.{digits}f} > {after:.{digits}f}"


def write_ablation(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the page of the figures that `data/metrics/ablation.json` holds."""
    variants = figures["variants"]
    metrics = [m for found in variants.values() for m in found["differences"]]
    write_page(
        path,
        "ablation.html",
        figures=figures,
        variants=variants,
        metrics=list(dict.fromkeys(metrics)),
        called=lambda name: TITLES.get(name, name),
        plots=[(TITLES[m], *plot(variants, m)) for m in SHOWN if m in metrics],
        signed=signed,
    )


def plot(variants: Mapping[str, Any], metric: str) -> tuple[list[Whisker], float]:
    """The whiskers of a metric, and where the axis ends on either side of zero."""
    given = {n: v["differences"][metric] for n, v in variants.items() if metric in v["differences"]}
    ends = [abs(end) for d in given.values() for end in _ends(d)]
    reach = max([LEAST, *ends]) * 1.05

    def place(value: float) -> float:
        return 50 + 50 * value / reach

    rows = [
        Whisker(
            name,
            d,
            place(d["low"]),
            place(d["high"]),
            place(d["seeds"]["low"]),
            place(d["seeds"]["high"]),
            place(d["value"]),
            tuple(place(value) for value in d["each"]),
        )
        for name, d in given.items()
    ]
    return rows, reach


def _ends(d: Mapping[str, Any]) -> list[float]:
    return [d["low"], d["high"], d["seeds"]["low"], d["seeds"]["high"], *d["each"]]
