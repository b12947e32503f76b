"""What is wrong with an input, said in one sentence that names the place and what to do."""

MAX_CHARACTERS = 1500  # letters of a place, of what is wrong, of a remedy: each may quote a file
TAIL_CHARACTERS = (
    200  # of these, letters of the end: there stand the row, and what the value is not
)


class InputError(ValueError):
    """An input that no later stage should ever see.

    The message names the file, row or key and says what to do; the command line prints it as it
    is, without a traceback. Of what is longer than `LONGEST` letters the middle is left out.
    """

    def __init__(self, place: object, wrong: str, remedy: str) -> None:
        self.place, self.wrong, self.remedy = (
            _shorten_middle(str(place)),
            _shorten_middle(wrong),
            _shorten_middle(remedy),
        )
        super().__init__(f"{self.place}: {self.wrong}; {self.remedy}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """Travel between processes whole: the default would call this class with one argument."""
        return type(self), (self.place, self.wrong, self.remedy)


def _shorten_middle(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS - TAIL_CHARACTERS - 5]} ... {text[-TAIL_CHARACTERS:]}"
