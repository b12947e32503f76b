"""The command `touchline ablation`: train one preset and its variants with several seeds, and
compare them.

The variants of preset NAME are the files in presets/NAME/; the preset itself comes first, as the
variant `recipe`. Each pair of variant and seed is an ordinary retrain with its own run record;
DVC's run cache restores the stages that do not differ. Pairs already finished for the same code are
not run again.
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
from flows.retrain.run import RetrainRequest
from flows.runs import record, terminal, worktree
from flows.services import environment, prefect_server
from touchline.atomic import atomic_file, atomic_folder
from touchline.errors import InputError
from touchline.metrics.ablation import AblationCell, build_ablation_table
from touchline.metrics.per_answer import MetricContext
from touchline.records.question import Question
from touchline.records.table import index_by_id, read_records, write_records
from touchline.records.trajectory import Trajectory
from touchline.report.ablation import format_ablation_text, write_ablation_page
from touchline.tasks.spotting import parse_intervals

BASE_VARIANT = "recipe"  # what the preset itself is called among its variants
SEED_KEYS = ("student.tiny.seed", "sft.seed", "rl.seed")
CODE_PATHS = ("dvc.yaml", "params.yaml", "presets", "stages", "touchline")
TARGET_METRIC = "f1_50"  # exact enough at IoU 0.5: the goal, chosen before the preset had a figure
THETA, DRAWS = 0.3, 1  # IoU of the loosest F1, seed of the bootstrap
METRICS, PAGE = Path("data/metrics/ablation.json"), Path("data/ablation/ablation.html")


@dataclass(frozen=True)
class AblationRequest:
    """The command line of `touchline ablation`: `only` limits the variants, `sets` are KEY=VALUE
    overrides.
    """

    preset: str
    seeds: tuple[int, ...]
    only: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    dirty: bool = False


@dataclass(frozen=True)
class AblationRun:
    """One variant with one seed: the retrain request, and the folder where its answers
    are saved.
    """

    variant: str
    seed: int
    request: RetrainRequest
    folder: Path

    @property
    def is_done(self) -> bool:
        return (self.folder / "about.json").is_file()


def run_ablation(options: AblationRequest) -> int:
    """Run the missing pairs, print the comparison table and return the exit status: 0 if all pairs
    are finished, 1 if a run failed.
    """
    root = worktree.find_checkout()
    environment.prepare_environment(root)
    pairs = list(plan_ablation_runs(root, options))
    missing = any(not pair.is_done for pair in pairs)
    with prefect_server.serve_prefect(root) if missing else nullcontext():
        status = run_missing_variants(root, options, pairs)
    if not status:
        sys.stdout.write(format_ablation_text(json.loads((root / METRICS).read_text())))
        terminal.print_line(f"{root / PAGE}")
    return status


def run_missing_variants(root: Path, options: AblationRequest, pairs: Sequence[AblationRun]) -> int:
    """Run the pairs that are not finished yet, rewriting the figures after each one. Returns 0, or
    the exit status of the first failed retrain.
    """
    for number, pair in enumerate(pairs, 1):
        terminal.print_line(f"ablation {number}/{len(pairs)}: {pair.variant}, seed {pair.seed}")
        if not pair.is_done and (status := retrain_console.run_retrain(pair.request)):
            return status
        if not pair.is_done:
            save_ablation_answers(root, pair)
        write_ablation_figures(root, options, pairs)
    return 0


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parse `1,2,3` into unique seeds. Raises an input error if a part is not an integer."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"--seeds {text}", "are no whole numbers", "write e.g. 1,2,3") from None


def list_variants(root: Path, preset: str) -> dict[str, str]:
    """{variant: preset to run}: the preset itself as `recipe`, then the files of its folder by
    name. Raises an input error for an unknown preset.
    """
    presets = root / "presets"
    if not (presets / f"{preset}.yaml").is_file():
        known_presets = sorted(path.name for path in presets.iterdir() if path.is_dir())
        raise InputError(
            f"--preset {preset}", "there is no such preset", f"known are {known_presets}"
        )
    files = sorted((presets / preset).glob("*.yaml"))
    return {BASE_VARIANT: preset} | {file.stem: f"{preset}/{file.stem}" for file in files}


def plan_ablation_runs(root: Path, options: AblationRequest) -> Iterator[AblationRun]:
    """The variant and seed pairs in running order: all variants of the first seed, then those of
    the next. Raises an input error for an unknown variant in `--only`.
    """
    preset_by_variant = list_variants(root, options.preset)
    unknown = [name for name in options.only if name not in preset_by_variant]
    if unknown:
        raise InputError(
            "--only", f"{unknown} are no variants", f"choose among {', '.join(preset_by_variant)}"
        )
    code = list_code_objects(root, options.dirty)
    for seed in options.seeds:
        for name, preset in preset_by_variant.items():
            if name in (options.only or preset_by_variant):
                sets = (*options.sets, *(f"{key}={seed}" for key in SEED_KEYS))
                request = RetrainRequest(
                    preset=preset,
                    sets=sets,
                    stage=None,
                    dirty=options.dirty,
                    force=False,
                    command=tuple(sys.argv),
                )
                key = hash_parts((code, preset, *sets))
                folder = root / ".touchline" / "ablation" / f"{name}-{seed}-{key}"
                yield AblationRun(name, seed, request, folder)


def list_code_objects(root: Path, dirty: bool) -> str:
    """The `git ls-tree` listing of the code and parameters that the answers depend on. README and
    flows/ are left out, so that changing them does not invalidate finished pairs.
    """
    commit = worktree.resolve_run_code(root, dirty).commit
    return worktree.run_git(root, "ls-tree", commit, "--", *CODE_PATHS)


def hash_parts(parts: Iterable[str]) -> str:
    """The first 12 hex digits of the sha256 of the joined parts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def save_ablation_answers(root: Path, pair: AblationRun) -> None:
    """Copy the test questions and the SFT and RL answers of the run that has just ended into the
    pair's folder, with the run's id in about.json.
    """
    data, runs = root / "data", record.list_runs(root)
    questions = read_records(data / "questions/questions.parquet", Question)
    answers = read_records(data / "answers/answers.parquet", Trajectory)
    with atomic_folder(pair.folder) as draft:
        write_records(
            draft / "questions.parquet", Question, [q for q in questions if q.split == "test"]
        )
        write_records(
            draft / "answers.parquet", Trajectory, [a for a in answers if a.author in ("sft", "rl")]
        )
        run = runs[-1].id if runs else ""
        about = {"run": run, "preset": pair.request.preset, "sets": pair.request.sets}
        (draft / "about.json").write_text(json.dumps(about, indent=2) + "\n")


def write_ablation_figures(
    root: Path, options: AblationRequest, pairs: Sequence[AblationRun]
) -> None:
    """Write data/metrics/ablation.json and the HTML page from all finished pairs."""
    cells: dict[str, dict[int, AblationCell]] = {}
    runs: dict[str, dict[int, str]] = {}
    for pair in (pair for pair in pairs if pair.is_done):
        cells.setdefault(pair.variant, {})[pair.seed] = read_ablation_cell(pair.folder)
        about = json.loads((pair.folder / "about.json").read_text())
        runs.setdefault(pair.variant, {})[pair.seed] = about["run"]
    judge = MetricContext(
        read=parse_intervals, theta=THETA, seed=DRAWS, numbers={}, clips={}, zero=lambda _: 0.0
    )
    first = next(iter(next(iter(cells.values())).values()))
    variants = build_ablation_table(cells, judge)
    figures = {
        "preset": options.preset,
        "sets": list(options.sets),
        "matches": len({(q.sport, q.match) for q, _ in first.rl}),
        "questions": len(first.rl),
        "runs": runs,
        "rl_minus_sft": summarize_rl_gain(variants),
        "variants": variants,
    }
    with atomic_file(root / METRICS) as draft:
        draft.write_text(json.dumps(figures, indent=2) + "\n")
    write_ablation_page(root / PAGE, figures)


def summarize_rl_gain(variants: Mapping[str, Any]) -> dict[str, Any]:
    """The target metric's RL minus SFT difference for the unmodified preset; {} until that preset
    has run.
    """
    if BASE_VARIANT not in variants:
        return {}
    return {"metric": TARGET_METRIC, **variants[BASE_VARIANT]["differences"][TARGET_METRIC]}


def read_ablation_cell(folder: Path) -> AblationCell:
    """Read a finished pair's SFT and RL answers, each joined with its question."""
    questions_by_id = index_by_id(read_records(folder / "questions.parquet", Question))
    answers = read_records(folder / "answers.parquet", Trajectory)
    sft, rl = (
        [(questions_by_id[a.question], a) for a in answers if a.author == author]
        for author in ("sft", "rl")
    )
    return AblationCell(sft, rl)
