"""The tasks: one file each, which asks and judges; add a task as one file and one line."""

from touchline.tasks.choice import CHOICE
from touchline.tasks.counting import COUNTING
from touchline.tasks.open import OPEN
from touchline.tasks.score import SCORE
from touchline.tasks.spotting import SPOTTING
from touchline.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (SPOTTING, COUNTING, CHOICE, OPEN, SCORE)}
