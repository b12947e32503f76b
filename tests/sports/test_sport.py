"""A sport's words, asked actions and keywords fit together."""

import pytest

from touchline.sports import SPORTS
from touchline.sports.sport import Sport


@pytest.mark.parametrize("sport", SPORTS.values(), ids=SPORTS)
def test_every_word_has_keywords_and_every_asked_action_is_a_word(sport: Sport) -> None:
    words = set(sport.words.values())
    assert set(sport.keywords) == words
    assert set(sport.spotting_words) <= words and sport.idle not in words
    assert all(key == key.lower() for keys in sport.keywords.values() for key in keys)


@pytest.mark.parametrize("sport", SPORTS.values(), ids=SPORTS)
def test_synonyms_are_lower_case_and_of_words_that_the_sport_has(sport: Sport) -> None:
    assert set(sport.synonyms) <= set(sport.words.values())
    assert all(name == name.lower() for names in sport.synonyms.values() for name in names)


def test_soccer_has_the_17_classes_and_the_papers_seven_actions() -> None:
    soccer = SPORTS["soccer"]
    assert len(soccer.words) == 17 and len(set(soccer.words.values())) == 16
    assert soccer.words["Direct free-kick"] == soccer.words["Indirect free-kick"] == "free-kick"
    assert len(soccer.spotting_words) == 7 and soccer.reach == 6
