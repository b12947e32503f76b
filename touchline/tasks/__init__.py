"""Registry of tasks: each generates questions from a clip's labels and scores answers. Add a file
and a line here.
"""

from touchline.tasks.choice import CHOICE
from touchline.tasks.counting import COUNTING
from touchline.tasks.open import OPEN
from touchline.tasks.score import SCORE
from touchline.tasks.spotting import SPOTTING
from touchline.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (SPOTTING, COUNTING, CHOICE, OPEN, SCORE)}
