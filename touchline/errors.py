"""The error for faulty inputs: says in one sentence where, what is wrong, and how to fix it."""

MAX_CHARACTERS = 1500  # letters of a place, of what is wrong, of a remedy: each may quote a file
TAIL_CHARACTERS = (
    200  # of these, letters of the end: there stand the row, and what the value is not
)


class InputError(ValueError):
    """A faulty input file, row or setting: `place: wrong; remedy`.

    The command line prints the message without a traceback. Each part is shortened in the middle
    beyond MAX_CHARACTERS.
    """

    def __init__(self, place: object, wrong: str, remedy: str) -> None:
        self.place, self.wrong, self.remedy = (
            _shorten_middle(str(place)),
            _shorten_middle(wrong),
            _shorten_middle(remedy),
        )
        super().__init__(f"{self.place}: {self.wrong}; {self.remedy}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """Pickle with all three arguments; the default would call the class with the
        message alone.
        """
        return type(self), (self.place, self.wrong, self.remedy)


def _shorten_middle(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS - TAIL_CHARACTERS - 5]} ... {text[-TAIL_CHARACTERS:]}"
