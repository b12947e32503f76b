"""What became of a question that was put to a teacher."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TeacherVerdict:
    """Result of one question given to a teacher: accepted or the reason for rejection, and the
    tokens and money it cost.
    """

    id: str  # of the trajectory that it is about, whether or not there is one
    question: str
    sport: str
    task: str
    reason: str  # "" for an accepted one, else why not
    score: float  # the task's own, in [0, 1]
    judged: str  # by a judge: right, wrong or "" where none was asked
    look: str  # the frames matter: seen, unseen or "" where nobody looked
    calls: int  # of the tool
    frames: list[str]  # sha256 of the pictures' pixels: with the question, and of each call
    requests: int
    tokens_in: int
    tokens_out: int
    cost: float  # money, the judge's included
