"""A label: an action in a video, or a question that the source brings along."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """One annotation of a source: an action in a video, or a question that the source provides
    (`task`, `asked`, `answer`).
    """

    id: str
    video: str
    name: str  # class of the action as the file has it; Sport.words translates
    start: float  # seconds from the first frame; equal to `end` for a moment
    end: float
    team: str  # home, away or ""
    task: str  # "" for a plain action; else the task of a ready question
    asked: str  # the ready question's words
    options: list[str]
    answer: str
