"""The command `touchline ablation`: one preset, its variants and several seeds, run and compared.

A variant of the preset NAME is a file of presets/NAME/; the preset itself is the first one. Each
pair of variant and seed is a retrain like any other, with its record; DVC's run cache brings back
what does not differ. Pairs that are done for this very code are not run again.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.retrain import console as retrain_console
from flows.retrain.run import Request
from flows.runs import record, terminal, worktree
from flows.services import environment, prefect_server
from touchline.atomic import whole_file, whole_folder
from touchline.errors import BadInput
from touchline.metrics.ablation import Cell, table
from touchline.metrics.per_answer import Judge
from touchline.records import Question, Trajectory, by_id, read, write
from touchline.report.ablation import as_text, write_ablation
from touchline.tasks.spotting import intervals

RECIPE = "recipe"  # what the preset itself is called among its variants
SEEDED = ("student.tiny.seed", "sft.seed", "rl.seed")
MAKERS = ("dvc.yaml", "params.yaml", "presets", "stages", "touchline")
AIM = "f1_50"  # exact enough at IoU 0.5: the goal, chosen before the preset had a figure
THETA, DRAWS = 0.3, 1  # IoU of the loosest F1, seed of the bootstrap
METRICS, PAGE = Path("data/metrics/ablation.json"), Path("data/ablation/ablation.html")


@dataclass(frozen=True)
class Wish:
    """What somebody asks for on the command line."""

    preset: str
    seeds: tuple[int, ...]
    only: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    dirty: bool = False


@dataclass(frozen=True)
class Pair:
    """A variant with a seed, and where its answers are kept."""

    variant: str
    seed: int
    request: Request
    folder: Path

    @property
    def done(self) -> bool:
        return (self.folder / "about.json").is_file()


def ablation(wish: Wish) -> int:
    """Exit status: 0 all pairs are there, 1 a run failed; the table holds what there is."""
    root = worktree.root()
    environment.prepare(root)
    pairs = list(wanted(root, wish))
    missing = any(not pair.done for pair in pairs)
    with prefect_server.served(root) if missing else nullcontext():
        status = run_all(root, wish, pairs)
    if not status:
        sys.stdout.write(as_text(json.loads((root / METRICS).read_text())))
        terminal.say(f"{root / PAGE}")
    return status


def run_all(root: Path, wish: Wish, pairs: Sequence[Pair]) -> int:
    """Run the pairs that are not done; after each, the figures hold all that are."""
    for number, pair in enumerate(pairs, 1):
        terminal.say(f"ablation {number}/{len(pairs)}: {pair.variant}, seed {pair.seed}")
        if not pair.done and (status := retrain_console.retrain(pair.request)):
            return status
        if not pair.done:
            keep(root, pair)
        compare(root, wish, pairs)
    return 0


def numbers(text: str) -> tuple[int, ...]:
    """`1,2,3` as seeds."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise BadInput(f"--seeds {text}", "are no whole numbers", "write e.g. 1,2,3") from None


def variants(root: Path, preset: str) -> dict[str, str]:
    """{VARIANT: preset to run}: the preset itself, then its folder's files by name."""
    presets = root / "presets"
    if not (presets / f"{preset}.yaml").is_file():
        known = sorted(path.name for path in presets.iterdir() if path.is_dir())
        raise BadInput(f"--preset {preset}", "there is no such preset", f"known are {known}")
    files = sorted((presets / preset).glob("*.yaml"))
    return {RECIPE: preset} | {file.stem: f"{preset}/{file.stem}" for file in files}


def wanted(root: Path, wish: Wish) -> Iterator[Pair]:
    """The pairs in the order to run them: all variants of a seed, then the next seed."""
    known = variants(root, wish.preset)
    strange = [name for name in wish.only if name not in known]
    if strange:
        raise BadInput("--only", f"{strange} are no variants", f"choose among {', '.join(known)}")
    code = made_by(root, wish.dirty)
    for seed in wish.seeds:
        for name, preset in known.items():
            if name in (wish.only or known):
                sets = (*wish.sets, *(f"{key}={seed}" for key in SEEDED))
                request = Request(preset, sets, None, wish.dirty, False, tuple(sys.argv))
                key = digest((code, preset, *sets))
                folder = root / ".touchline" / "ablation" / f"{name}-{seed}-{key}"
                yield Pair(name, seed, request, folder)


def made_by(root: Path, dirty: bool) -> str:
    """The code and parameters that answers depend on, as git knows them; not README or flows."""
    commit = worktree.code(root, dirty).commit
    return worktree.git(root, "ls-tree", commit, "--", *MAKERS)


def digest(parts: Iterable[str]) -> str:
    """What a pair is made from, in few letters."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def keep(root: Path, pair: Pair) -> None:
    """Put the answers of the run that has just ended beside its id."""
    data, made = root / "data", record.every(root)
    asked = read(data / "questions/questions.parquet", Question)
    given = read(data / "answers/answers.parquet", Trajectory)
    with whole_folder(pair.folder) as draft:
        write(draft / "questions.parquet", Question, [q for q in asked if q.split == "test"])
        write(
            draft / "answers.parquet", Trajectory, [a for a in given if a.author in ("sft", "rl")]
        )
        run = made[-1].id if made else ""
        about = {"run": run, "preset": pair.request.preset, "sets": pair.request.sets}
        (draft / "about.json").write_text(json.dumps(about, indent=2) + "\n")


def compare(root: Path, wish: Wish, pairs: Sequence[Pair]) -> None:
    """Write the figures and the page of all pairs that are done."""
    cells: dict[str, dict[int, Cell]] = {}
    runs: dict[str, dict[int, str]] = {}
    for pair in (pair for pair in pairs if pair.done):
        cells.setdefault(pair.variant, {})[pair.seed] = answered(pair.folder)
        about = json.loads((pair.folder / "about.json").read_text())
        runs.setdefault(pair.variant, {})[pair.seed] = about["run"]
    judge = Judge(intervals, THETA, DRAWS, {}, {}, lambda _: 0.0)
    first = next(iter(next(iter(cells.values())).values()))
    variants = table(cells, judge)
    figures = {
        "preset": wish.preset,
        "sets": list(wish.sets),
        "matches": len({(q.sport, q.match) for q, _ in first.rl}),
        "questions": len(first.rl),
        "runs": runs,
        "rl_minus_sft": headline(variants),
        "variants": variants,
    }
    with whole_file(root / METRICS) as draft:
        draft.write_text(json.dumps(figures, indent=2) + "\n")
    write_ablation(root / PAGE, figures)


def headline(variants: Mapping[str, Any]) -> dict[str, Any]:
    """What RL gained by the recipe in the metric that it is out to better; {} until it has run."""
    if RECIPE not in variants:
        return {}
    return {"metric": AIM, **variants[RECIPE]["differences"][AIM]}


def answered(folder: Path) -> Cell:
    """What was kept of a pair."""
    asked = by_id(read(folder / "questions.parquet", Question))
    given = read(folder / "answers.parquet", Trajectory)
    sft, rl = ([(asked[a.question], a) for a in given if a.author == who] for who in ("sft", "rl"))
    return Cell(sft, rl)
