"""Every entry of a catalogue keeps its room's promise; a new entry is held to it as it comes."""

import re
from math import isfinite
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from flows.nightly.promotion_case import PromotionCase, PromotionSettings
from flows.nightly.promotion_rules import PROMOTION_RULES
from tests.world import BUDGETS, RULES, asked_of, clip_of, label, question_of, reel_of, scenes_of
from touchline.errors import InputError
from touchline.evaluation.candidates import CANDIDATE_KINDS, parse_candidates
from touchline.evaluation.floors import FLOORS, count_training_answers
from touchline.records.question import Question
from touchline.sources import SOURCES
from touchline.sports import SPORTS
from touchline.tasks import TASKS
from touchline.tasks.scene import build_clip_scene
from touchline.teacher.scripted import build_scripted_trajectory
from touchline.train.rl.rewards import REWARD_PARTS, REWARD_RULES
from touchline.train.rl.rewards.attempt import AttemptFacts
from touchline.train.rl.rewards.rule import RewardParams

GIBBERISH = ["", "x", "0", "lorem ipsum dolor", "((((", "yes", "<think>", "1:00, 2:00", "()"]
PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")
REWARD = RewardParams(**PARAMS["rl"]["reward"])
GATE = PromotionSettings(**PARAMS["gate"])
CASE = PromotionCase(name="sft", champion="", matches={}, floors={})
ATTEMPTS = [
    AttemptFacts(
        accuracy=accuracy,
        closeness=accuracy,
        format_kept=True,
        repeated_window=False,
        windows=windows,
        evidence=((10.0, 20.0),),
        direct=False,
    )
    for accuracy in (0.0, 1.0)
    for windows in ((), ((5.0, 25.0),))
]


def test_entries_stand_under_their_own_names():
    for catalogue in (TASKS, SOURCES, SPORTS):
        assert [entry.name for entry in catalogue.values()] == list(catalogue)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_asks_something_and_its_own_truth_scores_one(task: str):
    asked = asked_of(task)
    assert asked
    for _, question in asked:
        assert TASKS[task].score(question.truth, question.truth) == 1
        assert question.text.strip()
        times = question.evidence
        assert len(times) % 2 == 0
        assert all(a < b for a, b in zip(times[::2], times[1::2], strict=True))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("said", GIBBERISH)
def test_gibberish_scores_nothing_for_any_question(task: str, said: str):
    assert all(TASKS[task].score(said, question.truth) == 0 for _, question in asked_of(task))


@pytest.mark.parametrize("task", TASKS)
def test_one_constant_answer_is_never_right_everywhere(task: str):
    asked = asked_of(task)
    for truth in {question.truth for _, question in asked}:
        earned = [TASKS[task].score(truth, question.truth) for _, question in asked]
        assert all(0 <= score <= 1 for score in earned)
        assert sum(earned) / len(earned) < 0.9


@pytest.mark.parametrize("task", TASKS)
def test_a_task_asks_the_same_of_the_same_scene(task: str):
    for sport in SPORTS:
        for view in scenes_of(sport):
            assert TASKS[task].ask(view, RULES, Random(5)) == TASKS[task].ask(
                view, RULES, Random(5)
            )


@pytest.mark.parametrize("name", SPORTS)
def test_a_sport_knows_its_words(name: str):
    sport = SPORTS[name]
    words = set(sport.words.values())
    assert words >= set(sport.spotting_words)
    assert sport.idle not in words
    assert set(sport.keywords) <= words
    assert sport.reach > 0
    assert all(re.fullmatch(r"[a-z][a-z -]*", word) for word in words)
    assert all(key == key.lower() for keys in sport.keywords.values() for key in keys)


@pytest.mark.parametrize("name", SPORTS)
def test_every_label_of_a_sport_can_be_seen_in_a_clip(name: str):
    for file_label, word in SPORTS[name].words.items():
        view = build_clip_scene(clip_of(name, start=100), [label(file_label, 130)])
        assert view.word_at(30) == word
        assert view.word_at(0) == SPORTS[name].idle


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_says_what_it_asks_and_where_its_parts_are_to_be_had(name: str):
    source = SOURCES[name]
    assert source.sports and set(source.sports) <= set(SPORTS)
    assert source.tasks and set(source.tasks) <= set(TASKS)
    assert {part.holds for part in source.parts} >= ({"labels"} if source.parts else set())
    for part in source.parts:
        assert part.where.startswith("https://") or part.where.endswith("of your own")
        assert part.access.endswith(".") and part.files


def test_the_sources_cover_six_sports_and_every_task():
    assert len({sport for source in SOURCES.values() for sport in source.sports}) >= 6
    assert {task for source in SOURCES.values() for task in source.tasks} == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_the_teacher_answers_every_task_rightly_and_in_form(task: str):
    view, question = asked_of(task)[0]
    row = build_scripted_trajectory(question, view, reel_of(view), BUDGETS["tiny"])
    assert row.valid and row.score == 1


@pytest.mark.parametrize("part", REWARD_PARTS)
def test_a_reward_part_is_a_finite_number(part: str):
    for attempt in ATTEMPTS:
        assert isfinite(REWARD_PARTS[part](attempt, REWARD))


@pytest.mark.parametrize("rule", REWARD_RULES)
def test_a_reward_rule_holds_for_a_plain_attempt(rule: str):
    assert all(REWARD_RULES[rule](attempt, REWARD) is True for attempt in ATTEMPTS)


@pytest.mark.parametrize("kind", CANDIDATE_KINDS)
def test_a_kind_of_candidate_is_chosen_by_its_own_name(kind: str):
    assert get_args(CANDIDATE_KINDS[kind].model_fields["kind"].annotation) == (kind,)
    with pytest.raises(InputError, match="unheard_of"):
        parse_candidates([{"kind": kind, "name": "x", "unheard_of": 1}])


@pytest.mark.parametrize("rule", PROMOTION_RULES)
def test_a_gate_rule_judges_a_case_that_knows_nothing(rule: str):
    ruling = PROMOTION_RULES[rule](CASE, GATE)
    assert ruling.rule == rule and isinstance(ruling.holds, bool)
    assert ruling.why and not ruling.why.endswith(".")


@pytest.mark.parametrize("name", SPORTS)
def test_every_sport_is_asked_about(name: str):
    views = scenes_of(name)
    assert any(task.ask(view, RULES, Random(1)) for task in TASKS.values() for view in views)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_states_its_terms_and_refuses_unknown_settings(name: str):
    source = SOURCES[name]
    assert source.licence
    assert source.terms in ("open", "request", "nda", "owner")
    assert issubclass(source.settings, BaseModel)
    assert source.settings.model_config.get("extra") == "forbid"
    assert all(field.is_required() for field in source.settings.model_fields.values())


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("task", TASKS)
def test_a_floor_answers_every_question_the_same_way_twice(floor: str, task: str):
    asked = asked_of(task)
    known = count_training_answers((question for _, question in asked), RULES.interval)
    for view, question in asked:
        said = FLOORS[floor](question, view.clip, [], known)
        assert said == FLOORS[floor](question, view.clip, [], known)
        assert 0 <= TASKS[task].score(said, question.truth) <= 1


def test_a_reel_of_the_world_has_frames_all_over_its_clip():
    view = scenes_of("soccer")[0]
    reel = reel_of(view)
    assert (reel.times[0], reel.times[-1], len(reel.fetch([0, 1]))) == (0, 59, 2)
    assert isinstance(
        question_of("open", view, TASKS["open"].ask(view, RULES, Random(1))[0]), Question
    )
