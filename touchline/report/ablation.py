"""The ablation results as a text table and an HTML page: what RL gained in each variant, with
intervals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.html_page.template import format_signed, write_html_page
from touchline.metrics.ablation import MAIN_METRIC

TITLES = {
    MAIN_METRIC: "Mean over tasks",
    "f1_30": "F1 at IoU 0.3",
    "f1_50": "F1 at IoU 0.5",
    "f1_70": "F1 at IoU 0.7",
    "frames": "frames",
    "tool_rate": "calls",
    "valid": "valid",
}
PLOTTED_METRICS = (MAIN_METRIC, "f1_50", "f1_70")  # plotted
MIN_HALF_AXIS = 0.05  # half of the shortest axis


@dataclass(frozen=True)
class AblationWhisker:
    """One variant's difference on the axis of a plot. Positions are percent of the axis; `mark` is
    the value, `wide_*` the interval over seeds, `each` the single seeds.
    """

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
        """`above`, `below` or `unclear`: whether the interval over matches excludes zero."""
        if self.difference["low"] > 0:
            return "above"
        return "below" if self.difference["high"] < 0 else "unclear"


def format_ablation_text(figures: Mapping[str, Any]) -> str:
    """One line per variant: RL minus SFT with its interval, then frames and tool calls before and
    after RL.
    """
    lines = [
        f"RL less SFT on {figures['questions']} questions of {figures['matches']} unseen matches, "
        "95 % intervals over matches",
        f"{'variant':<14}{'seeds':>6}{'score':>24}{'F1 at IoU 0.5':>24}{'F1 at IoU 0.7':>24}"
        f"{'frames':>16}{'tool':>14}",
    ]
    for name, variant in figures["variants"].items():
        cells = "".join(
            f"{_format_difference(variant['differences'].get(metric)):>24}"
            for metric in PLOTTED_METRICS
        )
        frames, tool = _format_change(variant, "frames", 1), _format_change(variant, "tool_rate", 2)
        lines.append(f"{name:<14}{len(variant['seeds']):>6}{cells}{frames:>16}{tool:>14}")
    return "\n".join(lines) + "\n"


def _format_difference(difference: Mapping[str, Any] | None) -> str:
    if difference is None:
        return "-"
    return f"{difference['value']:+.3f} [{difference['low']:+.3f},{difference['high']:+.3f}]"


def _format_change(variant: Mapping[str, Any], metric: str, digits: int) -> str:
    before, after = (variant[who][metric]["value"] for who in ("sft", "rl"))
    return f"{before:.{digits}f} > {after:.{digits}f}"


def write_ablation_page(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the HTML page for the content of `data/metrics/ablation.json`."""
    variants = figures["variants"]
    metrics = [m for variant in variants.values() for m in variant["differences"]]
    write_html_page(
        path,
        Path(__file__).with_name("ablation.html"),
        figures=figures,
        variants=variants,
        metrics=list(dict.fromkeys(metrics)),
        called=lambda name: TITLES.get(name, name),
        plots=[(TITLES[m], *build_whiskers(variants, m)) for m in PLOTTED_METRICS if m in metrics],
        signed=format_signed,
    )


def build_whiskers(variants: Mapping[str, Any], metric: str) -> tuple[list[AblationWhisker], float]:
    """Build the whiskers of one metric. Returns (whiskers, largest value on the axis), which runs
    from minus to plus that value.
    """
    differences = {
        n: v["differences"][metric] for n, v in variants.items() if metric in v["differences"]
    }
    ends = [abs(end) for d in differences.values() for end in _interval_ends(d)]
    reach = max([MIN_HALF_AXIS, *ends]) * 1.05

    def place(value: float) -> float:
        return 50 + 50 * value / reach

    rows = [
        AblationWhisker(
            name=name,
            difference=d,
            low=place(d["low"]),
            high=place(d["high"]),
            wide_low=place(d["seeds"]["low"]),
            wide_high=place(d["seeds"]["high"]),
            mark=place(d["value"]),
            each=tuple(place(value) for value in d["each"]),
        )
        for name, d in differences.items()
    ]
    return rows, reach


def _interval_ends(d: Mapping[str, Any]) -> list[float]:
    return [d["low"], d["high"], d["seeds"]["low"], d["seeds"]["high"], *d["each"]]
