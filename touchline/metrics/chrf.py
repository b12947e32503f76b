"""How much an open answer reads like its truth: chrF, beside the ROUGE-L of the task `open`.

Source: Popovic, "chrF: character n-gram F-score for automatic MT evaluation" (WMT 2015), by
sacreBLEU with its defaults (n-grams of one to six letters, recall twice as heavy). It sees
`corner` in `corners`, which a score over words does not, and needs no word list to be fetched.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

LONGEST_TEXT = 2000  # letters of an answer that are read: beyond, it only costs


@lru_cache(maxsize=1)
def _chrf_metric() -> "CHRF":
    """Imported when it is first needed: sacreBLEU brings a client of Redis along, for seconds."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def compute_chrf(answer: str, truth: str) -> float:
    """chrF of one answer against its truth, in [0, 1]; a candidate's score is the mean over its
    answers.
    """
    return _chrf_metric().sentence_score(answer[:LONGEST_TEXT], [truth]).score / 100
