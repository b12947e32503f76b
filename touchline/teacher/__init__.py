"""The teachers: one file each; add a teacher as one file and one line."""

from collections.abc import Callable, Iterator

from touchline.teacher import scripted, served
from touchline.teacher.teacher import Course, Taught

Teacher = Callable[[Course], Iterator[Taught]]
TEACHERS: dict[str, Teacher] = {
    "scripted": scripted.lessons,
    "served": served.lessons,
}
