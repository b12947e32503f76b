"""The console command `touchline`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows import audit, difference, highlights, release, score, verify, workspace
from touchline.faults import BadInput

if TYPE_CHECKING:
    from flows.run import Request


def main(argv: Sequence[str] | None = None) -> None:
    """Exit status 0: done; 1: a stage failed; 2: the request is wrong; 130, 143: stopped."""
    args = parser().parse_args(argv)
    try:
        sys.exit(args.action(args))
    except BadInput as fault:
        sys.stderr.write(f"error: {fault}\n")
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    """What may be typed."""
    top = argparse.ArgumentParser(prog="touchline", description=__doc__)
    actions = top.add_subparsers(required=True, metavar="ACTION")
    retrain = actions.add_parser("retrain", help="bring every stage up to date")
    retrain.set_defaults(action=_retrain)
    _say_what_to_retrain(retrain)
    compare = actions.add_parser("ablation", help="what each variant's RL does to the answers")
    compare.set_defaults(action=_ablation)
    _say_what_to_compare(compare)
    runs = actions.add_parser("runs", help="list the runs")
    runs.set_defaults(action=_runs)
    show = actions.add_parser("show", help="name every input, parameter and product of a run")
    show.add_argument("run", help="id of a run, its beginning, or `latest`")
    show.set_defaults(action=_show)
    nightly = actions.add_parser("nightly", help="evaluate champion and challengers, and judge")
    nightly.set_defaults(action=_nightly)
    _say_which_night(nightly)
    bisect = actions.add_parser("bisect", help="find the first run in which a score fell")
    bisect.set_defaults(action=_bisect)
    _say_what_fell(bisect)
    sources = actions.add_parser("sources", help="list the sources, and what of them is here")
    sources.set_defaults(action=_sources)
    for one in (runs, show, sources, bisect):
        one.add_argument("--json", action="store_true", help="for programs")
    judged = actions.add_parser("score", help="score answers that were made elsewhere")
    judged.set_defaults(action=score.run)
    score.offer(judged)
    replay = actions.add_parser("replay", help="play rollouts of RL again from their rows")
    replay.set_defaults(action=_replay)
    replay.add_argument("rollouts", metavar="FILE[:ID]", help="e.g. data/rl/rollouts.parquet")
    replay.add_argument(
        "--data", type=Path, metavar="FOLDER", help="of questions, clips, frames; else FILE/../.."
    )
    reel = actions.add_parser("highlights", help="cut what a sentence asks for out of a match")
    reel.set_defaults(action=highlights.run)
    highlights.offer(reel)
    reach = actions.add_parser("impact", help="what came of a match, a source or a file")
    reach.set_defaults(action=_impact)
    reach.add_argument("what", metavar="MATCH|SOURCE|FILE", help="a name, a path or a sha256")
    reach.add_argument("--json", action="store_true", help="for programs; with every id")
    reach.add_argument("--apply", action="store_true", help="remove it, and prove that it is gone")
    reach.add_argument("--yes", action="store_true", help="do not ask before")
    back = actions.add_parser("trace", help="what one answer came of, down to the training rows")
    back.set_defaults(action=_trace)
    back.add_argument("answer", metavar="ANSWER", help="id of an answer, trajectory or question")
    back.add_argument("--run", metavar="RUN", default="", help="whose answer; else the last one's")
    back.add_argument("--json", action="store_true", help="for programs; with every id")
    tell = actions.add_parser("audit", help="say where a model, a run or a number comes from")
    tell.set_defaults(action=audit.run)
    audit.offer(tell)
    repeat = actions.add_parser("verify", help="execute a past run again and compare its products")
    repeat.set_defaults(action=verify.run)
    verify.offer(repeat)
    apart = actions.add_parser("diff", help="say in words what changed between two runs")
    apart.set_defaults(action=difference.run)
    difference.offer(apart)
    give = actions.add_parser("export", help="write a run's model as a Hugging Face folder")
    give.set_defaults(action=release.run)
    release.offer(give)
    push = actions.add_parser("push", help="send a run's products to the shared store")
    pull = actions.add_parser("pull", help="fetch a run's products from the shared store")
    for one, action in ((push, _push), (pull, _pull)):
        one.add_argument("run", nargs="?", default="latest", help="id of a run, else the last")
        one.set_defaults(action=action)
    push.add_argument("--mend", action="store_true", help="replace what is corrupt there")
    see = actions.add_parser("doctor", help="look whether this checkout is fit to run")
    see.set_defaults(action=_doctor)
    see.add_argument(
        "--full", action="store_true", help="hash all of the cache; ask the store, too"
    )
    see.add_argument("--fix", action="store_true", help="clear away what the dead have left")
    see.add_argument("--json", action="store_true", help="for programs")
    serve = actions.add_parser("serve", help="answer as an OpenAI-compatible endpoint until Ctrl-C")
    serve.set_defaults(action=_serve)
    serve.add_argument("what", help="a model's folder, such as data/rl, or `scripted`")
    serve.add_argument("--port", type=int, default=8321)
    serve.add_argument(
        "--host", default="127.0.0.1", help="this machine alone, unless told otherwise"
    )
    serve.add_argument("--batch", type=int, default=16, help="requests answered together")
    ui = actions.add_parser("ui", help="open the pages of Prefect and MLflow until Ctrl-C")
    ui.set_defaults(action=_ui)
    return top


def _say_what_to_retrain(one: argparse.ArgumentParser) -> None:
    one.add_argument("--preset", metavar="NAME", help="settings of presets/NAME.yaml")
    one.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. sft.lr=1e-4"
    )
    one.add_argument("--stage", metavar="NAME", help="this stage and what it needs")
    one.add_argument(
        "--dirty", action="store_true", help="run uncommitted changes, and record them"
    )
    one.add_argument("--force", action="store_true", help="run even what is unchanged")


def _say_what_to_compare(one: argparse.ArgumentParser) -> None:
    one.add_argument("--preset", metavar="NAME", default="ablation", help="and presets/NAME/*")
    one.add_argument("--seeds", metavar="A,B", default="1,2,3", help="a training of each for each")
    one.add_argument("--only", metavar="A,B", default="", help="these variants alone")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for all")
    one.add_argument("--dirty", action="store_true", help="run uncommitted changes")


def _say_which_night(one: argparse.ArgumentParser) -> None:
    one.add_argument("--benchmark", metavar="RUN", default="", help="ask this run's test questions")
    one.add_argument(
        "--run", action="append", default=[], metavar="RUN", help="challengers, not the new ones"
    )
    kind = one.add_mutually_exclusive_group()
    kind.add_argument(
        "--check", action="store_true", help="fail, and say so, when the last night is too old"
    )
    kind.add_argument(
        "--arm", action="store_true", help="let Prefect raise the alarm when no night completes"
    )
    one.add_argument("--hours", type=float, help="how old is too old, instead of nightly.hours")


def _say_what_fell(one: argparse.ArgumentParser) -> None:
    one.add_argument("metric", metavar="METRIC", help="overall, a task, or TASK.METRIC")
    one.add_argument("--good", metavar="RUN", default="", help="a run before the score fell")
    one.add_argument("--bad", metavar="RUN", default="", help="a run after it, else the last")


def _nightly(args: argparse.Namespace) -> int:
    from flows import nights
    from flows.night import Request

    root = workspace.root()
    if args.check:
        return nights.check(root, args.hours)
    if args.arm:
        return nights.arm(root, args.hours)
    return nights.spend(root, Request(args.benchmark, tuple(args.run)))


def _bisect(args: argparse.Namespace) -> int:
    from flows import bisect

    return bisect.search(workspace.root(), args.metric, args.good, args.bad, args.json)


def _retrain(args: argparse.Namespace) -> int:
    from flows import local

    return local.retrain(_request(args))


def _request(args: argparse.Namespace) -> "Request":
    from flows.run import Request

    sets = tuple(args.set)
    return Request(
        args.preset, sets, args.stage, args.dirty, args.force, ("touchline", *sys.argv[1:])
    )


def _ablation(args: argparse.Namespace) -> int:
    from flows import ablation

    only = tuple(name for name in args.only.split(",") if name)
    seeds = ablation.numbers(args.seeds)
    wish = ablation.Wish(args.preset, seeds, only, tuple(args.set), args.dirty)
    return ablation.ablation(wish)


def _runs(args: argparse.Namespace) -> int:
    from flows import shown

    sys.stdout.write(shown.runs(workspace.root(), args.json))
    return 0


def _show(args: argparse.Namespace) -> int:
    from flows import shown

    sys.stdout.write(shown.show(workspace.root(), args.run, args.json))
    return 0


def _sources(args: argparse.Namespace) -> int:
    from touchline.sources import listing

    found = listing.every(workspace.root())
    sys.stdout.write(listing.as_json(found) if args.json else listing.as_text(found))
    return 0


def _impact(args: argparse.Namespace) -> int:
    from flows import impact

    return impact.run(args)


def _trace(args: argparse.Namespace) -> int:
    from flows import trace

    return trace.run(args)


def _replay(args: argparse.Namespace) -> int:
    """Exit status 1 when any rollout plays otherwise than it did."""
    from touchline.student import replay

    file, _, only = args.rollouts.partition(".parquet:")
    path = Path(f"{file}.parquet" if only else file)
    return replay.say(path, args.data or path.resolve().parent.parent, only)


def _push(args: argparse.Namespace) -> int:
    from flows import exchange

    return exchange.send(workspace.root(), args.run, args.mend)


def _pull(args: argparse.Namespace) -> int:
    from flows import exchange

    return exchange.fetch(workspace.root(), args.run)


def _doctor(args: argparse.Namespace) -> int:
    from flows import doctor

    return doctor.run(workspace.root(), args.full, args.fix, args.json)


def _serve(args: argparse.Namespace) -> int:
    from touchline import serving

    serving.serve(serving.mind(args.what, workspace.root(), args.batch), args.host, args.port)
    return 0


def _ui(args: argparse.Namespace) -> int:
    from flows import ui

    return ui.serve(workspace.root())


if __name__ == "__main__":
    main()
