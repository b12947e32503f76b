"""Showing products in the checkout: a rotten object is taken out, the user's own change is not."""

import hashlib

import pytest

from flows.runs import dvc_project
from tests.flows.conftest import Toy
from touchline.errors import InputError


def test_an_object_that_rots_is_taken_out_and_named_and_the_next_run_makes_it_anew(
    made: Toy,
) -> None:
    row = made.root / "data" / "rows" / "0.txt"
    digest = hashlib.md5(row.read_bytes()).hexdigest()
    place = dvc_project.read_cache_dir(made.root) / "files/md5" / digest[:2] / digest[2:]
    row.unlink()
    row.hardlink_to(place)  # as DVC does where the disk has no better way
    place.chmod(0o644)
    place.write_bytes(b"rotten")
    place.chmod(0o444)  # and DVC believes it
    (made.root / "data" / "model").rename(made.root / "aside")
    with pytest.raises(InputError, match=r"data/rows/0.txt: was corrupt .* makes it anew"):
        dvc_project.link_products_into_data(made.root)
    assert not place.exists() and not row.exists()
    dvc_project.link_products_into_data(made.root)
    assert {step.name: step.changed for step in dvc_project.plan_steps(made.root, None, False)}[
        "make"
    ]


def test_a_product_that_the_user_changed_is_kept_and_refused(made: Toy) -> None:
    row = made.root / "data" / "rows" / "0.txt"
    row.unlink()
    row.write_text("mine")
    (made.root / "data" / "rows" / "1.txt").unlink()
    with pytest.raises(InputError, match="move it away, then `dvc checkout`"):
        dvc_project.link_products_into_data(made.root)
    assert row.read_text() == "mine"
