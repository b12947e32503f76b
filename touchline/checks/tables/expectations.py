"""The data checks before training, table by table.

A failed critical check stops the stage, a warning is only reported, an info check drops the rows
that fail it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from touchline.config import Params
from touchline.sports import SPORTS
from touchline.tasks import TASKS

SPLIT_NAMES = ["train", "val", "test"]
TERMS_VALUES = ["open", "request", "nda"]


class ValidateParams(Params):
    """The thresholds of the data checks (section `validate` of params.yaml)."""

    fail_on: Literal["critical", "warning"]  # what stops the stage
    max_dropped: float  # share of the trajectories that may be dropped
    least_looking: float  # share of the accepted ones that call the tool at least once
    least_of_task: float  # share of the accepted ones that each asked task has at least
    absent: tuple[float, float]  # share of the spotting questions whose action is absent


@dataclass(frozen=True)
class TableCheck:
    """One data check: `says` in plain English, `kind` and `settings` for Great Expectations."""

    says: str
    kind: str  # class in great_expectations.expectations
    column: str = ""  # "" for a statement about the whole table
    settings: dict[str, Any] = field(default_factory=dict)
    severity: str = "critical"


def list_table_checks(limits: ValidateParams) -> dict[str, list[TableCheck]]:
    """All checks by table name, in the order of the report."""
    return {
        "clips": _clip_checks(),
        "captions": _caption_checks(),
        "questions": _question_checks(),
        "spotting questions": _spotting_checks(limits),
        "trajectories": _trajectory_checks(),
        "drops": _drop_checks(limits),
        "accepted": _accepted_checks(limits),
        "shares": _share_checks(limits),
    }


def _clip_checks() -> list[TableCheck]:
    return [
        *_id_checks("clip"),
        _check_in_set("the sport of a clip is known", "sport", sorted(SPORTS)),
        _check_in_set("the terms of a clip are known", "terms", TERMS_VALUES),
        _check_not_empty("a clip names its licence", "licence"),
        _check_true("a clip belongs to its video's match", "of_its_match"),
        _check_true("a clip lies inside its video", "inside_video"),
        _check_true("a clip whose video is here has frames in the store", "stored"),
    ]


def _caption_checks() -> list[TableCheck]:
    return [
        _check_unique_id("no two captions share an id"),
        _check_true("the clip of a caption is known", "clip_known"),
        _check_true("a caption lies inside its clip and ends after it starts", "inside_clip"),
        _check_true("captions of a clip come in order of time", "ordered"),
        _check_not_empty("a caption says something", "text"),
    ]


def _question_checks() -> list[TableCheck]:
    return [
        *_id_checks("question"),
        _check_in_set("the task of a question is known", "task", sorted(TASKS)),
        _check_in_set("the split of a question is known", "split", SPLIT_NAMES),
        _check_in_set("the sport of a question is known", "sport", sorted(SPORTS)),
        _check_in_set("a match is in exactly one split", "splits_of_match", [1]),
        _check_in_set(
            "no question outside of training is about an overlap", "overlapping", [False]
        ),
        _check_in_set("a truth scores 1.0 under its own task", "truth_score", [1.0]),
        _check_true("the truth of a choice is among its options", "truth_among_options"),
        _check_true("a spotting truth says where its evidence is", "truth_has_evidence"),
        _check_true("evidence lies inside a known clip", "inside_clip"),
        _check_not_empty("a question has words", "text"),
        TableCheck(
            "training and test have questions",
            "ExpectColumnDistinctValuesToContainSet",
            "split",
            {"value_set": ["train", "test"]},
        ),
    ]


def _spotting_checks(limits: ValidateParams) -> list[TableCheck]:
    low, high = limits.absent
    says = f"between {low:.0%} and {high:.0%} of the actions asked for are absent"
    between = {"min_value": low, "max_value": high}
    return [TableCheck(says, "ExpectColumnMeanToBeBetween", "absent", between, "warning")]


def _trajectory_checks() -> list[TableCheck]:
    """A row that fails one of the info checks is never trained on."""
    return [
        *_id_checks("trajectory"),
        _check_true("its question is known", "question_known", "info"),
        _check_true("it is of the training split", "train", "info"),
        _check_true("it keeps the format", "valid", "info"),
        _check_in_set("its answer scores 1.0", "score", [1.0], "info"),
        _check_in_set("its answer scores 1.0 when judged again", "score_again", [1.0], "info"),
        _check_true("its tool windows lie inside the clip", "inside_clip", "info"),
        _check_minimum("it stays within the frame budget", "frames_left", 0, "info"),
        _check_true("its messages show as many pictures as it counts", "pictures_agree", "info"),
    ]


def _drop_checks(limits: ValidateParams) -> list[TableCheck]:
    says = f"at most {limits.max_dropped:.0%} of the trajectories are dropped"
    empty = {"value_set": [""], "mostly": 1 - limits.max_dropped}
    return [TableCheck(says, "ExpectColumnValuesToBeInSet", "reason", empty)]


def _accepted_checks(limits: ValidateParams) -> list[TableCheck]:
    looking = TableCheck(
        f"at least {limits.least_looking:.0%} of the accepted look again",
        "ExpectColumnValuesToBeBetween",
        "calls",
        {"min_value": 1, "mostly": limits.least_looking},
        "warning",
    )
    some = TableCheck(
        "some trajectories are accepted", "ExpectTableRowCountToBeBetween", "", {"min_value": 1}
    )
    return [some, looking]


def _share_checks(limits: ValidateParams) -> list[TableCheck]:
    says = f"every task asked for has at least {limits.least_of_task:.0%} of the accepted"
    return [_check_minimum(says, "share", limits.least_of_task, "warning")]


def _id_checks(noun: str) -> list[TableCheck]:
    return [
        TableCheck(
            f"there is at least one {noun}", "ExpectTableRowCountToBeBetween", "", {"min_value": 1}
        ),
        _check_not_empty(f"every {noun} has an id", "id"),
        _check_unique_id(f"no two rows share the id of a {noun}"),
    ]


def _check_unique_id(says: str) -> TableCheck:
    return TableCheck(says, "ExpectColumnValuesToBeUnique", "id")


def _check_not_empty(says: str, column: str) -> TableCheck:
    return TableCheck(says, "ExpectColumnValueLengthsToBeBetween", column, {"min_value": 1})


def _check_true(says: str, column: str, severity: str = "critical") -> TableCheck:
    return _check_in_set(says, column, [True], severity)


def _check_in_set(
    says: str, column: str, values: list[Any], severity: str = "critical"
) -> TableCheck:
    settings = {"value_set": values}
    return TableCheck(says, "ExpectColumnValuesToBeInSet", column, settings, severity)


def _check_minimum(says: str, column: str, least: float, severity: str = "critical") -> TableCheck:
    settings = {"min_value": least}
    return TableCheck(says, "ExpectColumnValuesToBeBetween", column, settings, severity)
