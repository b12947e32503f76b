"""Registry of teachers, functions from a TeachingJob to taught questions; add a file and a line
here.
"""

from collections.abc import Callable, Iterator

from touchline.teacher import scripted, served
from touchline.teacher.teacher import TaughtQuestion, TeachingJob

Teacher = Callable[[TeachingJob], Iterator[TaughtQuestion]]
TEACHERS: dict[str, Teacher] = {
    "scripted": scripted.run_scripted_teacher,
    "served": served.run_served_teacher,
}
