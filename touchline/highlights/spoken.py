"""Commentary of one's own video, in the layout of SoccerNet-Echoes."""

from pathlib import Path

from touchline.faults import BadInput
from touchline.highlights.shown import shown
from touchline.records import Speech, Video
from touchline.sources import echoes


def lines(file: Path, film: Path) -> list[Speech]:
    """The lines of a transcript by the clock of the film.

    Raises `BadInput` for the first line that cannot be read: half a transcript misleads.
    """
    if not file.is_file():
        raise BadInput(file, "there is no such file", "give the commentary of the video")
    length = shown(film).end
    of = Video(
        *("own", "own", "", "own", "", film.name, "", 0, "own", "open", "", 0, 0),
        *(0.0, 0, length, 0.0, 0.0, False, []),
    )
    reading = echoes.read(file, of, file.name)
    if reading.faults:
        raise reading.faults[0].why
    return list(reading.rows)
