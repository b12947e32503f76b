"""An audit folder: complete, valid by the standards' own means, and no change of it goes unseen."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from flows.audit import check as checking
from flows.audit import collect, signature
from flows.audit.bundle import write_audit_folder
from flows.audit.check import MANIFEST, SIGNATURE, SUM, check_audit_folder, hash_file_sha256
from flows.audit.sbom import format_sbom
from flows.runs import overrides
from tests.flows.audit import made_up
from touchline.errors import InputError


@pytest.fixture(scope="module")
def mould(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("mould")
    write_audit_folder(made_up.case(place), place / "out")
    return place / "out"


@pytest.fixture
def folder(mould: Path, tmp_path: Path) -> Path:
    """A copy elsewhere: nothing in it may lead back."""
    return Path(shutil.copytree(mould, tmp_path / "elsewhere"))


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / SUM).write_text(f"{hash_file_sha256(folder / MANIFEST)}  {MANIFEST}\n")


def resealed(folder: Path, name: str) -> None:
    """What a forger would do who can reckon a sha256."""
    held = json.loads((folder / MANIFEST).read_text())
    held["files"][name]["sha256"] = hash_file_sha256(folder / name)
    seal(folder, held)


def changed(folder: Path, name: str, old: str, new: str) -> list[str]:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    resealed(folder, name)
    return check_audit_folder(folder)[0]


def test_a_folder_holds_all_that_an_auditor_asks_for_and_is_sound(folder: Path) -> None:
    faults, notes = check_audit_folder(folder)
    assert not faults and notes == [
        "not signed: whoever can write here could have written all of it"
    ]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        *("index.html", "card.md", "bom.cdx.json", "run.json", "patch.diff", "params.yaml"),
        *("croissant/clips.json", "ledgers/cut.parquet", "texts/words/ask.txt"),
        *("events/20260101-100000-aaaa.jsonl", "measured/judge.json", "requirements.lock"),
    }


def test_one_flipped_bit_anywhere_is_found_by_the_name_of_its_file(folder: Path) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for file in files:
        whole = file.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            flipped = bytearray(whole)
            flipped[place] ^= 1
            file.write_bytes(flipped)
            faults, _ = check_audit_folder(folder)
            assert any(file.name in fault for fault in faults), (file, place)
        file.write_bytes(whole)
    assert not check_audit_folder(folder)[0]


def test_a_file_too_many_or_too_few_is_named(folder: Path) -> None:
    (folder / "extra.txt").write_text("x")
    (folder / "card.md").unlink()
    faults, _ = check_audit_folder(folder)
    assert faults == ["card.md: is missing", "extra.txt: stands in no manifest"]


def test_a_figure_that_is_not_in_its_file_is_found_even_with_right_hashes(folder: Path) -> None:
    faults = changed(folder, "index.html", ">0.812<", ">0.912<")
    assert faults[0].startswith("index.html: says '0.912' where /value of subject.json is '0.812'")


def test_a_number_that_links_to_nothing_is_found(folder: Path) -> None:
    faults = changed(folder, "index.html", "<h1>Audit</h1>", "<h1>Audit of 12 videos</h1>")
    assert faults == ["index.html: the number 12 links to no file"]


def test_a_number_in_the_card_must_be_measured_too(folder: Path) -> None:
    assert (
        "[0.812](measured/judge.json#/candidates/rl/spotting/f1/value)"
        in (folder / "card.md").read_text()
    )
    faults = changed(folder, "card.md", "[0.812]", "[0.999]")
    assert faults and faults[0].startswith("card.md: says '0.999'")
    assert changed(folder, "card.md", "It errs", "It errs in 3 of 9 cases")


def test_counts_that_a_ledger_does_not_come_to_are_found(folder: Path) -> None:
    faults = changed(folder, "measured/counts.json", '"dropped": 1', '"dropped": 0')
    assert "measured/counts.json: cut is not what its ledger comes to" in faults


def test_an_energy_that_its_formula_does_not_give_is_found(folder: Path) -> None:
    faults = changed(folder, "measured/energy.json", '"watt_hours": 0.4174', '"watt_hours": 0.0')
    assert "measured/energy.json: is not what its formula gives for run.json" in faults


def test_a_prompt_that_the_run_did_not_read_is_found(folder: Path) -> None:
    faults = changed(folder, "texts/words/ask.txt", "goals", "cards")
    assert "texts/words/ask.txt: is not the file that the run read" in faults


def test_a_changed_event_breaks_the_chain_of_its_file(folder: Path) -> None:
    name = "events/20260101-100000-aaaa.jsonl"
    faults = changed(folder, name, '"START"', '"ABORT"')
    assert faults == [f"{name}: line 2 does not follow from line 1: one was changed"]


def test_a_manifest_of_a_newer_version_is_refused_in_a_sentence(folder: Path) -> None:
    held = json.loads((folder / MANIFEST).read_text())
    seal(folder, {**held, "format": 2})
    with pytest.raises(
        InputError, match="is of format 2, this version reads 1; check it with a newer"
    ):
        check_audit_folder(folder)


def test_a_manifest_that_leaves_its_folder_is_refused(folder: Path) -> None:
    held = json.loads((folder / MANIFEST).read_text())
    held["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 1}
    seal(folder, held)
    assert any("outside of the folder" in fault for fault in check_audit_folder(folder)[0])


def test_a_folder_without_a_manifest_is_no_audit(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"holds no manifest.json; name a folder of `touchline audit`"
    ):
        check_audit_folder(tmp_path)


def test_the_bill_of_materials_is_valid_and_names_models_data_and_packages(folder: Path) -> None:
    text = (folder / "bom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    kinds = {one["type"]: one for one in json.loads(text)["components"]}
    assert set(kinds) == {"machine-learning-model", "data", "library"}
    (metric,) = kinds["machine-learning-model"]["modelCard"]["quantitativeAnalysis"][
        "performanceMetrics"
    ]
    assert metric["type"] == "spotting.f1" and metric["value"] == "0.8125"
    assert metric["confidenceInterval"] == {"lowerBound": "0.7", "upperBound": "0.9"}
    parameters = kinds["machine-learning-model"]["modelCard"]["modelParameters"]
    assert parameters["approach"] == {"type": "reinforcement-learning"}


@pytest.mark.parametrize(
    ("path", "approach"),
    [
        ("data/base", "self-supervised"),
        ("data/sft", "supervised"),
        ("data/rl", "reinforcement-learning"),
        ("data/unknown", None),
    ],
)
def test_a_model_card_states_how_the_model_learned_as_dvc_yaml_says(
    tmp_path: Path, path: str, approach: str | None
) -> None:
    declared = overrides.read_yaml_mapping(Path("dvc.yaml"))
    case = replace(
        made_up.case(tmp_path),
        models={path: "cd" * 16 + ".dir"},
        approaches=collect.read_model_approaches(declared),
    )
    text = format_sbom(case)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (model,) = [
        part for part in json.loads(text)["components"] if part["type"] == "machine-learning-model"
    ]
    stated = model["modelCard"]["modelParameters"].get("approach", {}).get("type")
    assert stated == approach


def test_croissant_names_files_by_digest_and_columns_by_type(folder: Path) -> None:
    told = json.loads((folder / "croissant" / "clips.json").read_text())
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert told["license"] == "ours: CC0 (open)"
    (file,) = told["distribution"]
    assert file["md5"] == "ef" * 16 and file["contentUrl"] == "clips.parquet"
    fields = {one["name"]: one for one in told["recordSet"][0]["field"]}
    assert fields["times"]["repeated"] and fields["times"]["dataType"] == "sc:Float"


def test_words_of_rows_under_an_nda_are_told_nowhere(tmp_path: Path) -> None:
    write_audit_folder(made_up.case(tmp_path, terms="nda"), tmp_path / "out")
    assert not check_audit_folder(tmp_path / "out")[0]
    for file in (tmp_path / "out").rglob("*"):
        assert file.is_dir() or b"zyzzyva" not in file.read_bytes(), file
    assert "withheld: NDA" in (tmp_path / "out" / "index.html").read_text()


class TestSigned:
    """A folder signed with a key of the environment."""

    @pytest.fixture
    def signed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        key = Ed25519PrivateKey.generate()
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        monkeypatch.setenv(signature.KEY, secret.decode())
        (tmp_path / "public.pem").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        write_audit_folder(made_up.case(tmp_path), tmp_path / "out")
        monkeypatch.delenv(signature.KEY)
        assert not any(
            secret.splitlines()[1] in path.read_bytes()
            for path in (tmp_path / "out").rglob("*")
            if path.is_file()
        )
        return tmp_path / "out"

    def test_says_whose_key_it_was(self, signed: Path) -> None:
        faults, notes = check_audit_folder(signed, signed.parent / "public.pem")
        assert not faults and notes[0].startswith("signed by the key of ")

    def test_forged_content_with_right_hashes_is_found(self, signed: Path) -> None:
        assert changed(signed, "index.html", "soft", "sofa") == [
            "manifest.json.sig: is not a signature of manifest.json; one of the two was changed"
        ]

    def test_any_flipped_bit_of_the_signature_is_found(self, signed: Path) -> None:
        whole = (signed / SIGNATURE).read_bytes()
        for place in range(0, len(whole), 11):
            flipped = bytearray(whole)
            flipped[place] ^= 1
            (signed / SIGNATURE).write_bytes(flipped)
            assert any(SIGNATURE in fault for fault in check_audit_folder(signed)[0]), place

    def test_anothers_key_is_refused(self, signed: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.pem"
        other.write_bytes(
            Ed25519PrivateKey.generate()
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        faults, _ = check_audit_folder(signed, other)
        assert len(faults) == 1 and "not by that of" in faults[0]

    def test_an_unsigned_folder_is_no_signed_one(self, folder: Path, tmp_path: Path) -> None:
        faults, _ = check_audit_folder(folder, tmp_path / "public.pem")
        assert faults == ["manifest.json.sig: is missing: the folder is not signed"]


def test_a_key_that_is_none_is_refused_without_a_word_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signature.KEY, "-----BEGIN s3cret")
    with pytest.raises(InputError, match="no private key that can be read") as caught:
        signature.load_signing_key()
    assert "s3cret" not in str(caught.value)


def test_the_checker_reads_text_in_any_depth_and_leaves_style_alone() -> None:
    reader = checking.PageParser()
    page = (
        '<style>a { top: 3px }</style><p>f1 <b>7</b> <a data-file="x" data-at="/y">4<br>2</a>9</p>'
    )
    reader.feed(page)
    assert reader.unlinked_numbers == ["7", "9"]
    assert reader.figures == [("42", "x", "/y", "text")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("run.json", content) for content in (None, b"", b"[]", b"{}", b"\xff\xfe")),
        *(("measured/counts.json", content) for content in (None, b"{}", b'{"ledgers": 1}')),
        *(("index.html", None), ("card.md", None), ("card.md", b"\xff\xfe")),
    ],
)
def test_a_sealed_folder_with_a_file_that_is_none_is_faulty_and_no_crash(
    folder: Path, name: str, content: bytes | None
) -> None:
    held = json.loads((folder / MANIFEST).read_text())
    (folder / name).unlink()
    if content is None:
        del held["files"][name]
    else:
        (folder / name).write_bytes(content)
        held["files"][name]["sha256"] = hash_file_sha256(folder / name)
    seal(folder, held)
    faults, _ = check_audit_folder(folder)
    assert any("cannot be checked" in fault for fault in faults)
    assert not any(str(folder) in fault for fault in faults)


def test_a_folder_that_is_a_link_to_elsewhere_stands_in_no_manifest(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "run.json").write_text("{}")
    (folder / "more").symlink_to(tmp_path / "beside")
    assert "more: stands in no manifest" in check_audit_folder(folder)[0]
