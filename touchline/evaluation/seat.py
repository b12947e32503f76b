"""Which GPU a process of an evaluation sits at."""

import multiprocessing
import re


def take_seat() -> None:
    """The n-th process of a pool takes the n-th GPU, in turns; without a GPU, nothing happens."""
    import torch

    number = re.search(r"(\d+)$", multiprocessing.current_process().name)
    if torch.cuda.is_available() and number:
        torch.cuda.set_device(int(number[1]) % torch.cuda.device_count())
