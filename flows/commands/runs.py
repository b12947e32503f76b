"""What is typed to make runs and to look at them: retrain, ablation, runs, show, replay."""

import argparse
import sys
from pathlib import Path
from typing import Any

from flows.runs import worktree


def offer(actions: Any) -> None:
    """The actions and their arguments."""
    _offer_retrain(actions.add_parser("retrain", help="bring every stage up to date"))
    _offer_ablation(
        actions.add_parser("ablation", help="what each variant's RL does to the answers")
    )
    every = actions.add_parser("runs", help="list the runs")
    every.set_defaults(action=_runs)
    show = actions.add_parser("show", help="name every input, parameter and product of a run")
    show.set_defaults(action=_show)
    show.add_argument("run", help="id of a run, its beginning, or `latest`")
    for one in (every, show):
        one.add_argument("--json", action="store_true", help="for programs")
    _offer_replay(actions.add_parser("replay", help="play rollouts of RL again from their rows"))


def _offer_retrain(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_retrain)
    one.add_argument("--preset", metavar="NAME", help="settings of presets/NAME.yaml")
    one.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. sft.lr=1e-4"
    )
    one.add_argument("--stage", metavar="NAME", help="this stage and what it needs")
    one.add_argument(
        "--dirty", action="store_true", help="run uncommitted changes, and record them"
    )
    one.add_argument("--force", action="store_true", help="run even what is unchanged")


def _offer_ablation(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_ablation)
    one.add_argument("--preset", metavar="NAME", default="ablation", help="and presets/NAME/*")
    one.add_argument("--seeds", metavar="A,B", default="1,2,3", help="a training of each for each")
    one.add_argument("--only", metavar="A,B", default="", help="these variants alone")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for all")
    one.add_argument("--dirty", action="store_true", help="run uncommitted changes")


def _offer_replay(one: argparse.ArgumentParser) -> None:
    one.set_defaults(action=_replay)
    one.add_argument("rollouts", metavar="FILE[:ID]", help="e.g. data/rl/rollouts.parquet")
    one.add_argument(
        "--data", type=Path, metavar="FOLDER", help="of questions, clips, frames; else FILE/../.."
    )


def _retrain(args: argparse.Namespace) -> int:
    from flows.retrain import console
    from flows.retrain.run import Request

    typed = ("touchline", *sys.argv[1:])
    return console.retrain(
        Request(args.preset, tuple(args.set), args.stage, args.dirty, args.force, typed)
    )


def _ablation(args: argparse.Namespace) -> int:
    from flows.retrain import ablation

    only = tuple(name for name in args.only.split(",") if name)
    seeds = ablation.numbers(args.seeds)
    wish = ablation.Wish(args.preset, seeds, only, tuple(args.set), args.dirty)
    return ablation.ablation(wish)


def _runs(args: argparse.Namespace) -> int:
    from flows.runs import show as runs_show

    sys.stdout.write(runs_show.runs(worktree.root(), args.json))
    return 0


def _show(args: argparse.Namespace) -> int:
    from flows.runs import show as runs_show

    sys.stdout.write(runs_show.show(worktree.root(), args.run, args.json))
    return 0


def _replay(args: argparse.Namespace) -> int:
    """Exit status 1 when any rollout plays otherwise than it did."""
    from touchline.train.rl import replay

    file, _, only = args.rollouts.partition(".parquet:")
    path = Path(f"{file}.parquet" if only else file)
    return replay.say(path, args.data or path.resolve().parent.parent, only)
