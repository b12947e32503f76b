"""What must hold of the data, table by table: one line per promise.

A critical check stops the stage, a warning is reported, an info check drops the rows that fail it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from touchline.config import Params
from touchline.sports import SPORTS
from touchline.tasks import TASKS

SPLITS = ["train", "val", "test"]
TERMS = ["open", "request", "nda"]


class Validate(Params):
    """The thresholds of the gates."""

    fail_on: Literal["critical", "warning"]  # what stops the stage
    max_dropped: float  # share of the trajectories that may be dropped
    least_looking: float  # share of the accepted ones that call the tool at least once
    least_of_task: float  # share of the accepted ones that each asked task has at least
    absent: tuple[float, float]  # share of the spotting questions whose action is absent


@dataclass(frozen=True)
class Check:
    """One expectation in words and in Great Expectations' own."""

    says: str
    kind: str  # class in great_expectations.expectations
    column: str = ""  # "" for a statement about the whole table
    settings: dict[str, Any] = field(default_factory=dict)
    severity: str = "critical"


def checks(limits: Validate) -> dict[str, list[Check]]:
    """All checks by table, in the order in which a reader wants them."""
    return {
        "clips": _clips(),
        "captions": _captions(),
        "questions": _questions(),
        "spotting questions": _spotting(limits),
        "trajectories": _trajectories(),
        "drops": _drops(limits),
        "accepted": _accepted(limits),
        "shares": _shares(limits),
    }


def _clips() -> list[Check]:
    return [
        *_identified("clip"),
        _among("the sport of a clip is known", "sport", sorted(SPORTS)),
        _among("the terms of a clip are known", "terms", TERMS),
        _filled("a clip names its licence", "licence"),
        _true("a clip belongs to its video's match", "of_its_match"),
        _true("a clip lies inside its video", "inside_video"),
        _true("a clip whose video is here has frames in the store", "stored"),
    ]


def _captions() -> list[Check]:
    return [
        _unique("no two captions share an id"),
        _true("the clip of a caption is known", "clip_known"),
        _true("a caption lies inside its clip and ends after it starts", "inside_clip"),
        _true("captions of a clip come in order of time", "ordered"),
        _filled("a caption says something", "text"),
    ]


def _questions() -> list[Check]:
    return [
        *_identified("question"),
        _among("the task of a question is known", "task", sorted(TASKS)),
        _among("the split of a question is known", "split", SPLITS),
        _among("the sport of a question is known", "sport", sorted(SPORTS)),
        _among("a match is in exactly one split", "splits_of_match", [1]),
        _among("no question outside of training is about an overlap", "overlapping", [False]),
        _among("a truth scores 1.0 under its own task", "truth_score", [1.0]),
        _true("the truth of a choice is among its options", "truth_among_options"),
        _true("a spotting truth says where its evidence is", "truth_has_evidence"),
        _true("evidence lies inside a known clip", "inside_clip"),
        _filled("a question has words", "text"),
        Check(
            "training and test have questions",
            "ExpectColumnDistinctValuesToContainSet",
            "split",
            {"value_set": ["train", "test"]},
        ),
    ]


def _spotting(limits: Validate) -> list[Check]:
    low, high = limits.absent
    says = f"between {low:.0%} and {high:.0%} of the actions asked for are absent"
    between = {"min_value": low, "max_value": high}
    return [Check(says, "ExpectColumnMeanToBeBetween", "absent", between, "warning")]


def _trajectories() -> list[Check]:
    """A row that fails one of the info checks is never trained on."""
    return [
        *_identified("trajectory"),
        _true("its question is known", "question_known", "info"),
        _true("it is of the training split", "train", "info"),
        _true("it keeps the format", "valid", "info"),
        _among("its answer scores 1.0", "score", [1.0], "info"),
        _among("its answer scores 1.0 when judged again", "score_again", [1.0], "info"),
        _true("its tool windows lie inside the clip", "inside_clip", "info"),
        _at_least("it stays within the frame budget", "frames_left", 0, "info"),
        _true("its messages show as many pictures as it counts", "pictures_agree", "info"),
    ]


def _drops(limits: Validate) -> list[Check]:
    says = f"at most {limits.max_dropped:.0%} of the trajectories are dropped"
    empty = {"value_set": [""], "mostly": 1 - limits.max_dropped}
    return [Check(says, "ExpectColumnValuesToBeInSet", "reason", empty)]


def _accepted(limits: Validate) -> list[Check]:
    looking = Check(
        f"at least {limits.least_looking:.0%} of the accepted look again",
        "ExpectColumnValuesToBeBetween",
        "calls",
        {"min_value": 1, "mostly": limits.least_looking},
        "warning",
    )
    some = Check(
        "some trajectories are accepted", "ExpectTableRowCountToBeBetween", "", {"min_value": 1}
    )
    return [some, looking]


def _shares(limits: Validate) -> list[Check]:
    says = f"every task asked for has at least {limits.least_of_task:.0%} of the accepted"
    return [_at_least(says, "share", limits.least_of_task, "warning")]


def _identified(noun: str) -> list[Check]:
    return [
        Check(
            f"there is at least one {noun}", "ExpectTableRowCountToBeBetween", "", {"min_value": 1}
        ),
        _filled(f"every {noun} has an id", "id"),
        _unique(f"no two rows share the id of a {noun}"),
    ]


def _unique(says: str) -> Check:
    return Check(says, "ExpectColumnValuesToBeUnique", "id")


def _filled(says: str, column: str) -> Check:
    return Check(says, "ExpectColumnValueLengthsToBeBetween", column, {"min_value": 1})


def _true(says: str, column: str, severity: str = "critical") -> Check:
    return _among(says, column, [True], severity)


def _among(says: str, column: str, values: list[Any], severity: str = "critical") -> Check:
    settings = {"value_set": values}
    return Check(says, "ExpectColumnValuesToBeInSet", column, settings, severity)


def _at_least(says: str, column: str, least: float, severity: str = "critical") -> Check:
    settings = {"min_value": least}
    return Check(says, "ExpectColumnValuesToBeBetween", column, settings, severity)
