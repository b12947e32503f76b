"""What the synthetic matches promise: labels, plates, score and words agree with each other."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from touchline.sources.synthetic import badminton, basketball, commentary, soccer
from touchline.sources.synthetic.match import MatchEvent, SyntheticMatch
from touchline.sources.synthetic.render import RENDER_SPECS, plan_match
from touchline.sports import SPORTS
from touchline.sports.badminton import SIDES

LONG = 1800  # seconds of a half


@pytest.fixture(scope="module", params=RENDER_SPECS)
def match(request: pytest.FixtureRequest) -> SyntheticMatch:
    return plan_match(request.param, 7, 0, LONG)


def halves(match: SyntheticMatch) -> list[list[MatchEvent]]:
    return [[e for e in match.events if e.half == half] for half in (1, 2)]


def test_a_match_follows_from_its_seed_and_number_alone() -> None:
    assert plan_match("soccer", 7, 3, 180) == plan_match("soccer", 7, 3, 180)
    assert plan_match("soccer", 7, 3, 180).events != plan_match("soccer", 8, 3, 180).events
    assert len({plan_match("soccer", 7, index, 60).folder for index in range(50)}) == 50


def test_labels_are_of_the_sport_and_fall_on_frames(match: SyntheticMatch) -> None:
    assert {e.label for e in match.events} == (
        set(SIDES) if match.sport == "badminton" else set(SPORTS[match.sport].words)
    )
    assert all(round(e.time * 25, 6).is_integer() for e in match.events)


@pytest.mark.parametrize("seconds", [15, 40, 61, 180])
@pytest.mark.parametrize("sport", RENDER_SPECS)
def test_no_two_actions_show_at_once_nor_beyond_the_half(sport: str, seconds: int) -> None:
    reach = SPORTS[sport].reach
    for index in range(20):
        for events in halves(plan_match(sport, 3, index, seconds)):
            assert all(reach <= e.time <= seconds - reach for e in events)
            assert all(b.time - a.time >= 2 * reach - 1e-6 for a, b in pairwise(events))


def test_soccer_asks_for_three_events_in_four_and_some_minutes_hold_a_word_twice() -> None:
    events = [e for half in halves(plan_match("soccer", 1, 0, 3600)) for e in half]
    words = [SPORTS["soccer"].words[e.label] for e in events]
    asked = sum(word in SPORTS["soccer"].spotting_words for word in words)
    assert 0.7 < asked / len(words) < 0.8
    assert 22 < 7200 / len(events) < 30
    gaps = [b.time - a.time for a, b in pairwise(events) if b.half == a.half]
    assert min(gaps) >= 13.5
    minutes = Counter((e.half, e.time // 60, SPORTS["soccer"].words[e.label]) for e in events)
    assert 0.02 < sum(count > 1 for count in minutes.values()) / 120 < 0.25


def test_the_score_in_the_folder_name_is_the_number_of_goals() -> None:
    match = plan_match("soccer", 7, 0, LONG)
    goals = Counter(e.team for e in match.events if e.label == "Goal")
    home, away = match.names
    assert f" {home} {goals['home']} - {goals['away']} {away}" in match.folder
    assert match.folder.startswith("soccer_synthetic-league/2030-2031/2030-08-03 - 18-00 ")


def test_every_minute_of_badminton_holds_one_rally_well_inside() -> None:
    lengths = []
    for events in halves(plan_match("badminton", 7, 0, LONG)):
        for minute in range(LONG // 60):
            rally = [e for e in events if 60 * minute <= e.time < 60 * minute + 60]
            lengths.append(len(rally))
            assert rally[0].time - 1.5 >= 60 * minute + 8
            assert rally[-1].time + 1.5 <= 60 * minute + 52
            assert all(round(b.time - a.time, 6) == 3 for a, b in pairwise(rally))
            assert all(a.label != b.label for a, b in pairwise(rally))
    assert set(lengths) == {2, 3, 4, 5}


def test_seven_in_ten_minutes_of_basketball_hold_one_call_and_the_rest_two() -> None:
    match = plan_match("basketball", 7, 0, 3600)
    counts = Counter((e.half, e.time // 60) for e in match.events)
    assert set(counts.values()) == {1, 2} and len(counts) == 120
    assert 0.6 < sum(count == 1 for count in counts.values()) / 120 < 0.8


def test_every_word_has_its_own_pair_of_colours() -> None:
    assert set(soccer.PLATE_COLOURS) == set(SPORTS["soccer"].words.values())
    assert len(set(soccer.PLATE_COLOURS.values())) == 16
    same = [word for word, (left, right) in soccer.PLATE_COLOURS.items() if left == right]
    assert set(same) == set(SPORTS["soccer"].spotting_words)
    assert set(basketball.PLATE_COLOURS) == set(SPORTS["basketball"].words.values())
    assert len(set(basketball.PLATE_COLOURS.values())) == 6
    assert set(badminton.BANDS) == set(SIDES)


def test_commentary_names_half_of_the_actions_and_some_that_are_not_there(
    match: SyntheticMatch,
) -> None:
    show, sport = RENDER_SPECS[match.sport], SPORTS[match.sport]
    events = halves(match)[0]
    lines = commentary.generate_commentary_lines(np.random.default_rng(1), show, events, LONG)
    assert all(a[1] <= b[0] for a, b in pairwise(lines)) and lines[-1][1] <= LONG
    assert all(3 <= end - start <= 5.01 for start, end, _ in lines)
    named = sum(
        any(text in show.phrases[e.label] and -2 <= start - e.time <= 8 for start, _, text in lines)
        for e in events
    )
    assert 0.25 < named / len(events) < 0.7
    stray = [text for _, _, text in lines if text.startswith(("Remember", "Just like", "As last"))]
    assert 0.01 < len(stray) / len(lines) < 0.2
    for label, phrases in show.phrases.items():
        keys = sport.keywords[sport.words[label]]
        assert all(any(key in phrase.lower() for key in keys) for phrase in phrases), label
