"""Commentary that is missing, repeats itself or is in another language is found."""

from collections.abc import Callable

import pytest

from tests.checks.sources.conftest import ENGLISH, LIMITS, film, lines, rows
from touchline.checks.sources import transcripts
from touchline.checks.sources.case import SourceCase

Make = Callable[..., SourceCase]
GERMAN = (
    "Das ist ein sehr guter Ball in den Strafraum.", "Er trifft das Tor leider nicht.",
    "Die Gastgeber machen jetzt viel Druck.",
)  # fmt: skip
SPANISH = (
    "Ahora tiene el balón en el centro del campo.", "Qué gran oportunidad para el equipo local.",
    "El árbitro dice que no hay falta.",
)  # fmt: skip


def test_a_video_without_a_line_is_reported_where_the_source_has_any(case: Make):
    assert [f.place for f in transcripts.find_missing_commentary(case(speech=lines(ENGLISH)))] == [
        film("2").id
    ]
    assert transcripts.find_missing_commentary(case()) == []


@pytest.mark.parametrize(("times", "found"), [(1, 0), (2, 1)])
def test_lines_that_repeat_the_line_before_are_counted(case: Make, times: int, found: int):
    texts = [*ENGLISH, *["Thanks for watching."] * times, *ENGLISH, "Thanks for watching."]
    findings = transcripts.find_repeating_commentary(
        case(speech=lines(texts), limits=limits(repeats=0.1))
    )
    assert len(findings) == found
    assert all((f.rows, f.quote) == ((), "Thanks for watching.") for f in findings)


def test_the_order_of_time_counts_not_that_of_the_file(case: Make):
    spoken = lines(["a", "b", "a", "b"])
    assert (
        transcripts.find_repeating_commentary(
            case(speech=[spoken[0], spoken[2], spoken[1], spoken[3]])
        )
        == []
    )


def limits(**changes: float):
    return LIMITS.model_copy(update=changes)


@pytest.mark.parametrize(("texts", "tongue"), [(ENGLISH, "en"), (GERMAN, "de"), (SPANISH, "es")])
def test_the_language_is_told(texts: tuple[str, ...], tongue: str):
    assert transcripts.detect_speech_language(lines(texts)) == tongue


def test_lines_in_another_language_go_unless_any_is_welcome(case: Make):
    spoken = [*lines(ENGLISH, "1"), *lines(GERMAN, "2")]
    [finding] = transcripts.find_unexpected_languages(case(speech=spoken))
    assert (finding.wrong, rows([finding])) == ("is in 'de', not in en", ["0", "1", "2"])
    for languages in ([], ["de", "en"]):
        assert (
            transcripts.find_unexpected_languages(
                case(speech=spoken, limits=limits(languages=languages))
            )
            == []
        )


def test_too_little_text_is_in_no_language(case: Make):
    few = lines(["Tor!", "12", "\x00\n"])
    assert transcripts.detect_speech_language(few) == "?"
    assert transcripts.find_unexpected_languages(case(speech=few)) == []
