"""Intervals in words are read back as written, and scored and guessing everywhere is in vain."""

from random import Random

import pytest

from tests.world import HOSTILE, RULES, asked_of, clip_of, label, scenes_of
from touchline.tasks.scene import build_clip_scene
from touchline.tasks.spotting import (
    draft_spotting_questions,
    format_spotting_answer,
    parse_intervals,
    score_spotting,
)
from touchline.tasks.task import QuestionRules

FOUL = "A foul occurs at (0:16, 0:28)."


def test_what_a_sentence_says_is_what_is_read():
    random = Random(1)
    for _ in range(300):
        starts = [random.randint(0, 4000) for _ in range(random.randint(1, 4))]
        spans = [(float(s), float(s + random.randint(1, 90))) for s in starts]
        assert parse_intervals(format_spotting_answer("offside", spans)) == spans
    assert parse_intervals(format_spotting_answer("foul", [])) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_an_answer_without_intervals(text: str):
    assert parse_intervals(text) == []
    assert score_spotting(text, FOUL) == 0
    assert score_spotting(text, "No foul occurs in this clip.") == 0


def test_one_guess_earns_one_label_and_one_label_one_guess():
    assert score_spotting(FOUL, FOUL) == 1
    assert score_spotting(f"{FOUL} {FOUL} {FOUL}", FOUL) == 0.5
    assert score_spotting(FOUL, f"{FOUL} A foul occurs at (0:40, 0:52).") == pytest.approx(2 / 3)
    over_two = "A foul occurs at (0:10, 0:34)."
    two = "A foul occurs at (0:10, 0:22). A foul occurs at (0:22, 0:34)."
    assert score_spotting(over_two, two) == pytest.approx(2 / 3)


def test_tiles_over_the_whole_clip_earn_one_interval_at_most():
    tiles = format_spotting_answer("foul", [(i * 12.0, i * 12.0 + 12) for i in range(5)])
    best = 2 / 6  # one of five guesses right, one label: F1
    for start in range(49):
        assert (
            score_spotting(tiles, format_spotting_answer("foul", [(start, start + 12.0)])) <= best
        )


def test_absence_is_right_only_in_its_own_words_and_only_when_true():
    absent = "No foul occurs in this clip."
    assert score_spotting(absent, absent) == 1
    assert score_spotting(absent, FOUL) == 0
    assert score_spotting(FOUL, absent) == 0
    assert (
        score_spotting("No.", absent) == score_spotting("No goal occurs in this clip.", absent) == 0
    )


def test_about_as_many_absent_actions_are_asked_for_as_the_rules_say():
    busy = [view for view in scenes_of("soccer", count=300) if view.actions_inside()]
    for share in (0.0, 0.25, 0.5, 0.75):
        drafts = [
            d
            for v in busy
            for d in draft_spotting_questions(v, QuestionRules(12, share), Random(v.clip.id))
        ]
        absent = sum(not draft.evidence for draft in drafts)
        assert absent / len(drafts) == pytest.approx(share, abs=0.1)


def test_an_action_that_shows_at_the_edge_of_the_clip_is_never_asked_for_as_absent():
    view = build_clip_scene(clip_of("soccer", start=100), [label("Foul", 97)])
    for seed in range(50):
        drafts = draft_spotting_questions(view, QuestionRules(12, 0.9), Random(seed))
        assert drafts
        assert all(draft.action != "foul" for draft in drafts)


def test_every_true_interval_lies_in_its_clip():
    for view, question in asked_of("spotting"):
        for start, end in parse_intervals(question.truth):
            assert 0 <= start < end <= view.length
        assert bool(question.evidence) == (not question.truth.startswith("No "))


def test_the_shortest_interval_allowed_never_vanishes_in_whole_seconds():
    for tenth in range(600):
        view = build_clip_scene(clip_of("soccer", start=100), [label("Foul", 100 + tenth / 10)])
        (draft,) = draft_spotting_questions(view, QuestionRules(2, 0.0), Random(1))
        assert len(parse_intervals(draft.truth)) == 1


def test_equal_seeds_ask_equal_questions():
    for view in scenes_of("soccer"):
        assert draft_spotting_questions(view, RULES, Random(3)) == draft_spotting_questions(
            view, RULES, Random(3)
        )
