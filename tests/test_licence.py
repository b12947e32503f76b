"""Terms travel with every product, and what may not leave is withheld by name."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.world import clip_of
from touchline import licence
from touchline.errors import InputError
from touchline.licence import LicenceParams


def clip(source: str, how: str):
    made = vars(clip_of("soccer")) | {"source": source, "terms": how, "licence": f"{how} licence"}
    return type(clip_of("soccer"))(**made)


def test_the_strictest_terms_of_a_source_count():
    rows = [clip("a", "open"), clip("a", "nda"), clip("a", "request"), clip("b", "open")]
    for given in (rows, rows[::-1]):
        held = licence.collect_source_terms(given)
        assert held == {"a": ("nda licence", "nda"), "b": ("open licence", "open")}


def test_a_product_says_its_sources_and_the_strictest_terms(tmp_path: Path):
    licence.write_product_terms(
        tmp_path, licence.collect_source_terms([clip("a", "open"), clip("b", "nda")])
    )
    said = json.loads((tmp_path / "terms.json").read_text())
    assert said["terms"] == "nda" and list(said["sources"]) == ["a", "b"]
    assert licence.read_product_terms(tmp_path) == licence.collect_source_terms(
        [clip("a", "open"), clip("b", "nda")]
    )


def test_a_model_inherits_the_terms_of_the_model_it_began_as(tmp_path: Path):
    for name in ("base", "sft", "none"):
        (tmp_path / name).mkdir()
    licence.write_product_terms(tmp_path / "base", licence.collect_source_terms([clip("a", "nda")]))
    licence.write_product_terms(
        tmp_path / "sft",
        licence.collect_source_terms([clip("b", "open")]),
        tmp_path / "base",
        Path("hub/name"),
    )
    assert json.loads((tmp_path / "sft/terms.json").read_text())["terms"] == "nda"
    licence.write_product_terms(tmp_path / "none", {})
    assert json.loads((tmp_path / "none/terms.json").read_text()) == {
        "terms": "open",
        "sources": {},
    }


def test_a_product_that_does_not_say_its_terms_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="does not say its terms; rerun the stage that makes it"):
        licence.read_product_terms(tmp_path)


def test_terms_that_nobody_knows_are_the_strictest():
    assert (
        licence.collect_source_terms([clip("a", "nda"), clip("a", "borrowed")])["a"][1]
        == "borrowed"
    )


def test_only_a_target_that_is_declared_inside_shows_what_is_under_nda():
    held = {"a": ("", "nda"), "b": ("", "request"), "c": ("", "open")}
    inside = LicenceParams(inside=["report"])
    assert licence.select_withheld_sources(held, inside.withheld_terms("report")) == set()
    assert licence.select_withheld_sources(held, inside.withheld_terms("gates")) == {"a"}
    with pytest.raises(ValidationError):
        LicenceParams.model_validate({"inside": ["everywhere"]})


@pytest.mark.parametrize(
    ("place", "bare"),
    [
        ("/d/x.json: annotations[3].label", "/d/x.json: annotations[3].label"),
        ("/d/x.json: segments['the secret']", "/d/x.json: segments[...]"),
        ("/d/Nott'm Forest/x.json: [\"it's a\"]", "/d/Nott'm Forest/x.json: [...]"),
        ("/d/x.json", "/d/x.json"),
    ],
)
def test_a_veiled_fault_names_its_place_and_quotes_nothing(place: str, bare: str):
    fault = licence.redact_input_error(
        InputError(place, "'the secret' is not a label", "choose the secret")
    )
    assert fault.place == bare and "secret" not in str(fault)
    assert "withheld: NDA" in str(fault) and "licence.inside" in str(fault)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sources": 3}', '{"sources": {"a": {}}}'])
def test_a_list_of_terms_that_is_none_is_named(tmp_path: Path, text: str):
    (tmp_path / "terms.json").write_text(text)
    with pytest.raises(InputError, match=r"terms\.json: is not a list of terms; rerun the stage"):
        licence.read_product_terms(tmp_path)
