"""chrF is sacreBLEU's, in [0, 1], and any answer has one."""

import time

from touchline.metrics.chrf import compute_chrf


def test_the_same_words_give_one_and_none_give_zero():
    assert compute_chrf("A corner, then a foul.", "A corner, then a foul.") == 1
    assert compute_chrf("", "A corner.") == compute_chrf("xyz", "A corner.") == 0


def test_a_nearer_wording_scores_higher():
    truth = "A corner, then a foul."
    assert compute_chrf("A foul.", truth) < compute_chrf("Corner and a foul.", truth) < 1


def test_an_endless_answer_costs_milliseconds():
    began = time.process_time()
    compute_chrf("word " * 1_000_000, "A corner.")
    assert time.process_time() - began < 1
