"""Command-line arguments of retrain, ablation, runs, show and replay."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_run_commands(actions: Any) -> None:
    """Add the subcommands retrain, ablation, runs, show and replay to the parser."""
    _add_retrain_arguments(actions.add_parser("retrain", help="bring every stage up to date"))
    _add_ablation_arguments(
        actions.add_parser("ablation", help="what each variant's RL does to the answers")
    )
    runs_parser = actions.add_parser("runs", help="list the runs")
    runs_parser.set_defaults(action=_run_runs)
    show_parser = actions.add_parser(
        "show", help="name every input, parameter and product of a run"
    )
    show_parser.set_defaults(action=_run_show)
    show_parser.add_argument("run", help="id of a run, its beginning, or `latest`")
    for parser in (runs_parser, show_parser):
        parser.add_argument("--json", action="store_true", help="for programs")
    _add_replay_arguments(
        actions.add_parser("replay", help="play rollouts of RL again from their rows")
    )


def _add_retrain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_retrain)
    parser.add_argument("--preset", metavar="NAME", help="settings of presets/NAME.yaml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. sft.lr=1e-4"
    )
    parser.add_argument("--stage", metavar="NAME", help="this stage and what it needs")
    parser.add_argument(
        "--dirty", action="store_true", help="run uncommitted changes, and record them"
    )
    parser.add_argument("--force", action="store_true", help="run even what is unchanged")


def _add_ablation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_ablation)
    parser.add_argument("--preset", metavar="NAME", default="ablation", help="and presets/NAME/*")
    parser.add_argument(
        "--seeds", metavar="A,B", default="1,2,3", help="a training of each for each"
    )
    parser.add_argument("--only", metavar="A,B", default="", help="these variants alone")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for all")
    parser.add_argument("--dirty", action="store_true", help="run uncommitted changes")


def _add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_replay)
    parser.add_argument("rollouts", metavar="FILE[:ID]", help="e.g. data/rl/rollouts.parquet")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="of questions, clips, frames; else FILE/../.."
    )


def _run_retrain(args: argparse.Namespace) -> int:
    from flows.retrain import console
    from flows.retrain.run import RetrainRequest

    typed = ("touchline", *sys.argv[1:])
    return console.run_retrain(
        RetrainRequest(
            preset=args.preset,
            sets=tuple(args.set),
            stage=args.stage,
            dirty=args.dirty,
            force=args.force,
            command=typed,
        )
    )


def _run_ablation(args: argparse.Namespace) -> int:
    from flows.retrain import ablation

    only = tuple(name for name in args.only.split(",") if name)
    seeds = ablation.parse_seeds(args.seeds)
    options = ablation.AblationRequest(args.preset, seeds, only, tuple(args.set), args.dirty)
    return ablation.run_ablation(options)


def _run_runs(args: argparse.Namespace) -> int:
    from flows.runs import show as runs_show
    from flows.runs import worktree

    sys.stdout.write(runs_show.format_run_list(worktree.find_checkout(), args.json))
    return 0


def _run_show(args: argparse.Namespace) -> int:
    from flows.runs import show as runs_show
    from flows.runs import worktree

    sys.stdout.write(runs_show.format_run(worktree.find_checkout(), args.run, args.json))
    return 0


def _run_replay(args: argparse.Namespace) -> int:
    """Exit status 1 if any rollout replays differently from its recorded row."""
    from touchline.train.rl import replay

    file, _, only = args.rollouts.partition(".parquet:")
    path = Path(f"{file}.parquet" if only else file)
    return replay.print_replay(path, args.data or path.resolve().parent.parent, only)
