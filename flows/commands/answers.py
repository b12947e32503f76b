"""Command-line arguments of score, highlights and export."""

import argparse
from pathlib import Path
from typing import Any

MODEL_STAGES = ("sft", "rl")  # whose models can be exported


def add_answer_commands(actions: Any) -> None:
    """Add the subcommands score, highlights and export to the parser."""
    _add_score_arguments(actions.add_parser("score", help="score answers that were made elsewhere"))
    _add_highlights_arguments(
        actions.add_parser("highlights", help="cut what a sentence asks for out of a match")
    )
    _add_export_arguments(
        actions.add_parser("export", help="write a run's model as a Hugging Face folder")
    )


def _add_score_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_score)
    parser.add_argument(
        "predictions", type=Path, help="predictions.jsonl, or a folder of results_spotting.json"
    )
    for name in ("questions", "clips", "captions"):
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"default: data/{name}")
    parser.add_argument("--split", default="test", help="whose questions count (default: test)")
    parser.add_argument("--name", help="what the answers are called (default: the file's name)")
    parser.add_argument("--labels", type=Path, metavar="FOLDER", help="SoccerNet's Labels-v2.json")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FOLDER", help="write scores and page there"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_highlights_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_highlights)
    parser.add_argument("match", nargs="?", type=Path, help="the video of a match or a half")
    parser.add_argument("request", help='in English, e.g. "all the goals in the second half"')
    parser.add_argument("--halves", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument(
        "--kickoff2", metavar="TIME", help="when the second half begins in the file"
    )
    parser.add_argument("--commentary", nargs="+", type=Path, default=[], metavar="ASR_JSON")
    parser.add_argument("--labels", type=Path, metavar="Labels-v2.json", help="tell the teams")
    for side in ("home", "away"):
        parser.add_argument(f"--{side}", nargs="+", default=[], metavar="NAME", help="of that team")
    parser.add_argument(
        "--untold", action="store_true", help="keep what no label or commentary tells the team of"
    )
    parser.add_argument(
        "--free", action="store_true", help="put the request to the model in its words"
    )
    parser.add_argument("--model", default="latest", metavar="FOLDER", help="or `latest`")
    parser.add_argument("--sport", default="soccer", metavar="NAME")
    parser.add_argument("-o", "--out", type=Path, default=Path("reel.mp4"), metavar="REEL.mp4")


def _add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_run_export)
    parser.add_argument("run", help="id of a run, its beginning, or `latest`")
    parser.add_argument("--stage", choices=MODEL_STAGES, default="rl", help="whose model")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--no-tasks", action="store_true", help="without the test questions as tasks of lmms-eval"
    )


def _run_score(args: argparse.Namespace) -> int:
    from flows import score

    return score.run_score(args)


def _run_highlights(args: argparse.Namespace) -> int:
    from flows import highlights

    return highlights.run_highlights(args)


def _run_export(args: argparse.Namespace) -> int:
    from flows import export

    return export.run_export(args)
