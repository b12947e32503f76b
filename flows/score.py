"""`touchline score`: score answers made by other programs with the pipeline's own metrics, beside
the baselines.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.runs import worktree
from touchline.atomic import atomic_folder
from touchline.config import load_params_section
from touchline.errors import InputError

if TYPE_CHECKING:
    from touchline.external_answers.score import ScoringParams

QUESTION_PRODUCTS = ("questions", "clips", "captions")  # folders that the answers belong to


def run_score(args: argparse.Namespace) -> int:
    """Score a file of predictions or a folder of spotting results. Exit status 0; raises
    `InputError` for invalid input.
    """
    if not args.predictions.exists():
        raise InputError(args.predictions, "is not there", "name a file or a folder of predictions")
    name = args.name or args.predictions.stem
    scores, text = (_score_spotting if args.predictions.is_dir() else _score_answers)(args, name)
    output = json.dumps(scores, indent=2, sort_keys=True) + "\n" if args.json else text
    sys.stdout.write(output)
    return 0


def _score_answers(args: argparse.Namespace, name: str) -> tuple[Mapping[str, Any], str]:
    from touchline.chat.dialogue import Dialogue
    from touchline.chat.tools.choose_frames import FrameBudget
    from touchline.external_answers.score import (
        check_output_folder,
        format_answer_scores,
        open_external_eval_set,
        score_external_answers,
        write_external_results,
    )
    from touchline.licence import LicenceParams

    if args.labels:
        raise InputError("--labels", "is for a folder of results_spotting.json", "leave it out")
    if args.out:
        check_output_folder(args.out)
    root = worktree.find_checkout()
    params = root / "params.yaml"
    questions, clips, captions = (
        getattr(args, place) or root / "data" / place for place in QUESTION_PRODUCTS
    )
    budget, dialogue = (
        load_params_section(FrameBudget, "budget", params),
        load_params_section(Dialogue, "dialogue", params),
    )
    question_sheet = open_external_eval_set(
        clips, captions, questions, budget, dialogue, args.split
    )
    rule = _scoring_rule(params)
    result = score_external_answers(args.predictions, name, question_sheet, rule)
    if args.out:
        facts = {
            "file": args.predictions.name,
            "split": args.split,
            "asked": len(question_sheet.split_questions),
        }
        facts |= {key: result.scores[key] for key in ("answered", "unanswered", "without_frames")}
        facts |= {"theta": rule.theta, "seed": rule.seed}
        write_external_results(
            args.out,
            result,
            question_sheet,
            facts,
            load_params_section(LicenceParams, "licence", params),
        )
    return result.scores, format_answer_scores(result.scores, name)


def _scoring_rule(params: Path) -> "ScoringParams":
    from touchline.evaluation.params import EvaluateParams
    from touchline.external_answers.score import ScoringParams

    settings = load_params_section(EvaluateParams, "evaluate", params)
    return ScoringParams(settings.theta, settings.seed, settings.interval, settings.judge)


def _score_spotting(args: argparse.Namespace, name: str) -> tuple[Mapping[str, Any], str]:
    from touchline.external_answers import soccernet
    from touchline.external_answers.score import (
        check_output_folder,
        format_spotting_scores,
        write_scores_json,
    )

    if not args.labels:
        raise InputError(args.predictions, "is a folder", "name SoccerNet's labels by --labels")
    if args.out:
        check_output_folder(args.out)
    scores = soccernet.score_soccernet_spotting(args.predictions, args.labels, name)
    if args.out:
        with atomic_folder(args.out) as draft:
            write_scores_json(draft, scores)
    return scores, format_spotting_scores(scores)
