"""A question about a clip, with its truth and its split."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question about a clip with its true answer. The split depends on the match alone."""

    id: str
    clip: str
    video: str
    source: str
    sport: str
    match: str
    split: str  # train, val or test
    task: str
    action: str  # what a spotting question looks for, "" otherwise
    text: str  # the question in words, options included
    options: list[str]
    truth: str  # in the task's answer format: scored like any answer
    evidence: list[float]  # start, end, start, end ... in clip seconds: where the truth can be seen
