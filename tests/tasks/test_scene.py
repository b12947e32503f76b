"""A scene puts a video's labels into the time of its clip."""

from dataclasses import replace

import pytest

from tests.world import clip_of, label, scenes_of
from touchline.errors import InputError
from touchline.tasks.scene import build_clip_scene


def test_times_are_those_of_the_clip_and_reach_is_the_sports():
    view = build_clip_scene(clip_of("soccer", start=100), [label("Foul", 116)])
    (seen,) = view.actions
    assert (seen.word, seen.moment, seen.start, seen.end) == ("foul", 16, 10, 22)
    assert [view.word_at(t) for t in (9.9, 10, 21.9, 22)] == ["play", "foul", "foul", "play"]


def test_an_action_before_the_clip_may_show_but_is_not_inside():
    view = build_clip_scene(clip_of("soccer", start=100), [label("Foul", 97), label("Foul", 163)])
    assert len(view.actions) == 2
    assert view.actions_inside() == []
    assert view.word_at(0) == "foul"


def test_actions_far_from_the_clip_are_left_out():
    assert (
        build_clip_scene(
            clip_of("soccer", start=100), [label("Foul", 90), label("Goal", 170)]
        ).actions
        == ()
    )


def test_an_action_belongs_to_one_of_two_adjoining_clips():
    for moment in (99.9, 100.0, 100.1):
        before = build_clip_scene(clip_of("soccer", start=40), [label("Goal", moment)])
        after = build_clip_scene(clip_of("soccer", start=100), [label("Goal", moment)])
        assert len(before.actions_inside()) + len(after.actions_inside()) == 1


def test_actions_stand_in_order_of_time():
    for view in scenes_of("soccer"):
        assert list(view.actions) == sorted(view.actions, key=lambda seen: seen.moment)


def test_a_label_or_a_sport_that_nobody_knows_is_named():
    with pytest.raises(InputError, match="'curling' is not a label of soccer; choose among"):
        build_clip_scene(clip_of("soccer"), [label("curling", 3)])
    with pytest.raises(InputError, match="no sport is called 'curling'; choose among"):
        build_clip_scene(replace(clip_of("soccer"), sport="curling"), [])
