"""A match is known by its teams and its day, however its folder spells them."""

import pytest

from touchline.checks.duplicate_matches.by_name import find_duplicates_by_name, parse_fixture

CHELSEA = "soccernet/england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"
BAYERN = "soccernet/europe/2014-2015/2015-05-12 - 21-45 Bayern Munich 3 - 2 Barcelona"
ATLETICO = "soccernet/europe/2014-2015/2015-02-25 - 22-45 Bayer Leverkusen 1 - 0 Atl. Madrid"
CITY = "soccernet/england_epl/2015-2016/2016-02-14 - 19-15 Manchester City 1 - 2 Tottenham"
REAL = "soccernet/spain_laliga/2016-2017/2016-11-19 - 22-45 Atl. Madrid 0 - 3 Real Madrid"
ETIENNE = "soccernet/france_ligue-1/2016-2017/2016-09-10 - 18-00 St. Etienne 1 - 0 Paris SG"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CHELSEA, "local/Burnley vs Chelsea 20150221"),
        (CHELSEA, "s3/2015_02_21_CHELSEA-FC_1-1_burnley"),
        (BAYERN, "local/2015-05-12 FC Barcelona 2 - 3 Bayern München"),
        (ATLETICO, "other/2015-02-25 Atlético Madrid - Bayer 04 Leverkusen"),
        (CITY, "other/2016-02-14 Tottenham Hotspur v Man City"),
        (ETIENNE, "other/2016-09-10 Saint-Étienne 1 - 0 Paris SG"),
    ],
)
def test_spelling_accents_order_and_score_do_not_matter(one: str, other: str):
    [pair] = find_duplicates_by_name([("soccer", one), ("soccer", other)])
    assert pair[:2] == (("soccer", one), ("soccer", other))
    assert pair.why == "the same teams on the same day"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CHELSEA, "local/Burnley vs Chelsea 20150222"),
        (CITY, "other/2016-02-14 Manchester United 1 - 2 Tottenham"),
        (REAL, "other/2016-11-19 Atl. Bilbao 0 - 3 Real Sociedad"),
        (REAL, "other/2016-11-19 Real Madrid 3 - 0 Real Madrid Castilla"),
        (CHELSEA, "local/match 7"),
        ("a/0003.mp4_32470_32542", "b/0003.mp4_32470_32542"),
    ],
)
def test_other_days_and_other_teams_are_other_matches(one: str, other: str):
    assert find_duplicates_by_name([("soccer", one), ("soccer", other)]) == []


def test_clubs_that_play_two_sports_on_a_day_play_two_matches():
    assert find_duplicates_by_name([("soccer", CHELSEA), ("basketball", f"x/{CHELSEA}")]) == []


@pytest.mark.parametrize(
    "name", ["", "/", "2015-02-21", "2015-02-21 - 18-00", "Chelsea 1 - 1", "-"]
)
def test_a_name_without_day_or_teams_is_no_fixture(name: str):
    assert parse_fixture(name) is None
