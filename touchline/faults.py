"""What is wrong with an input, said in one sentence that names the place and what to do."""


class BadInput(ValueError):
    """An input that no later stage should ever see.

    The message names the file, row or key and says what to do; the command line prints it as it
    is, without a traceback.
    """

    def __init__(self, place: object, wrong: str, remedy: str) -> None:
        super().__init__(f"{place}: {wrong}; {remedy}")
        self.place, self.wrong, self.remedy = str(place), wrong, remedy

    def __reduce__(self) -> tuple[type["BadInput"], tuple[str, str, str]]:
        """Travel between processes whole: the default would call this class with one argument."""
        return type(self), (self.place, self.wrong, self.remedy)
