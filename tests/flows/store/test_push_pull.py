"""A run's products go to a shared store and come back whole, and what is wrong there is named."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.runs import dvc_project, record, worktree
from flows.runs.record import RunRecord
from flows.store import dvc_cache, push_pull, remote, run_claims
from flows.store.remote import RemoteStore
from tests.flows.conftest import Toy
from tests.store import store
from touchline.errors import InputError


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RemoteStore, Any]]:
    """A store in a real S3 server, and a client to look into it."""
    with store(monkeypatch, "shelf") as (address, client):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv(remote.REMOTE_VARIABLE, "s3://shelf/touch/line")
        yield remote.require_remote_store(), client


@pytest.fixture
def ran(made: Toy) -> tuple[Toy, RunRecord]:
    """A project with the record of the run that made its products."""
    steps = [step.name for step in dvc_project.plan_steps(made.root, None, False)]
    stages = {name: dvc_project.describe_stage(made.root, name, "Ran") for name in steps}
    commit = made.git("rev-parse", "HEAD")
    run = RunRecord(
        id=record.create_run_id(), started=record.get_utc_timestamp(), command=[], commit=commit
    )
    run.stages, run.state, run.ended = stages, "completed", record.get_utc_timestamp()
    record.write_run_record(made.root, run)
    return made, run


def keys(client: Any) -> dict[str, str]:
    """Key -> ETag of all that lies in the store."""
    found = client.list_objects_v2(Bucket="shelf").get("Contents", [])
    return {one["Key"]: one["ETag"].strip('"') for one in found}


def empty(toy: Toy) -> Path:
    """The cache, with nothing in it."""
    cache = dvc_project.read_cache_dir(toy.root)
    shutil.rmtree(cache / "files")
    return cache


def test_what_was_pushed_comes_back_and_a_second_push_sends_nothing(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, client) = ran, shelf
    sent = push_pull.push_products(toy.root, run, there)
    held = keys(client)
    objects = {k: tag for k, tag in held.items() if "/files/md5/" in k}
    assert sent == len(objects) and len(held) == sent + 1
    for key, tag in objects.items():  # DVC's own layout
        assert key.removeprefix("touch/line/files/md5/").replace("/", "").startswith(tag)
    assert push_pull.push_products(toy.root, run, there) == 0 and keys(client) == held
    cache = empty(toy)
    assert push_pull.pull_products(cache, run, there) == sent
    assert push_pull.pull_products(cache, run, there) == 0
    dvc_project.checkout_products(toy.root)
    assert (toy.root / "data" / "rows" / "2.txt").read_text() == "row 2\n"


def test_a_corrupt_object_is_refused_by_name_and_mended_from_where_it_is_whole(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any], tmp_path: Path
) -> None:
    (toy, run), (there, client) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    cache = dvc_project.read_cache_dir(toy.root)
    listed = push_pull.list_folder_objects(cache, run)
    digest = next(md5 for md5, name in listed.items() if name.startswith("data/model/weights"))
    key = f"touch/line/files/md5/{digest[:2]}/{digest[2:]}"
    client.put_object(Bucket="shelf", Key=key, Body=b"one bit flipped")
    other = tmp_path / "other"
    (other / "files").mkdir(parents=True)
    wrong = rf"^data/model/weights of run {run.id}: is corrupt at s3://shelf/.* was not kept"
    with pytest.raises(InputError, match=wrong):
        push_pull.pull_products(other, run, there)
    assert not (other / "files" / "md5" / digest[:2] / digest[2:]).exists()
    assert there.find_corrupt([*listed, *push_pull.list_product_objects(run)]) == {digest}
    assert push_pull.push_products(toy.root, run, there, mend=True) == 1
    assert push_pull.pull_products(other, run, there) == 1


@pytest.mark.slow
def test_one_flipped_bit_of_any_object_is_refused_by_its_name_and_not_kept(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any], tmp_path: Path
) -> None:
    (toy, run), (there, client) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    names = push_pull.list_product_objects(run) | push_pull.list_folder_objects(
        dvc_project.read_cache_dir(toy.root), run
    )
    assert any(digest.endswith(".dir") for digest in names)
    for number, (digest, name) in enumerate(names.items()):
        key = f"touch/line/files/md5/{digest[:2]}/{digest[2:]}"
        whole = client.get_object(Bucket="shelf", Key=key)["Body"].read()
        flipped = bytearray(whole)
        flipped[number % len(whole)] ^= 1 << number % 8
        client.put_object(Bucket="shelf", Key=key, Body=bytes(flipped))
        other = tmp_path / str(number)
        (other / "files").mkdir(parents=True)
        with pytest.raises(InputError, match=f"^{name}: is corrupt at s3://shelf/touch/line"):
            push_pull.pull_products(other, run, there)
        assert not (other / "files" / "md5" / digest[:2] / digest[2:]).exists()
        client.put_object(Bucket="shelf", Key=key, Body=whole)
        assert push_pull.pull_products(other, run, there) > 0


def test_a_missing_object_is_refused_by_name_and_the_others_come(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, client) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    digest = next(f.md5 for f in run.stages["judge"].products if f.path == "data/report.html")
    client.delete_object(Bucket="shelf", Key=f"touch/line/files/md5/{digest[:2]}/{digest[2:]}")
    cache = empty(toy)
    with pytest.raises(InputError, match=r"^data/report.html of run \S+: is not at s3://shelf"):
        push_pull.pull_products(cache, run, there)
    assert (cache / "files" / "md5").is_dir()
    assert (
        len(list((cache / "files" / "md5").glob("*/*")))
        == len(push_pull.list_product_objects(run)) - 1
    )


def test_what_is_corrupt_here_is_not_sent(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, client) = ran, shelf
    digest = next(f.md5 for f in run.stages["judge"].products if f.path == "data/report.html")
    file = dvc_project.read_cache_dir(toy.root) / "files" / "md5" / digest[:2] / digest[2:]
    file.chmod(0o644)
    file.write_text("something else")
    with pytest.raises(InputError, match=r"^data/report.html of run .*: is corrupt in DVC's cache"):
        push_pull.push_products(toy.root, run, there)
    assert not any(digest[2:] in key for key in keys(client))


def test_two_runs_that_claim_one_id_are_told_apart(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, _) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    twin = run.model_copy(update={"started": "2026-01-01T00:00:00+00:00"})
    with pytest.raises(
        InputError, match=rf"run {run.id}: another run claims this id at s3://shelf"
    ):
        push_pull.push_products(toy.root, twin, there)


def test_a_run_that_git_did_not_bring_is_known_by_the_store(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, _) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    (record.get_runs_folder(toy.root) / f"{run.id}.json").unlink()
    assert push_pull.get_run_identity(
        push_pull.find_run_or_stored(toy.root, run.id, there)
    ) == push_pull.get_run_identity(run)
    with pytest.raises(InputError, match=r"git fetch origin 'refs/runs/\*:refs/runs/\*'"):
        push_pull.find_run_or_stored(toy.root, "20200101-000000-abcdef", there)


def test_a_restore_fetches_what_the_cache_lacks(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any], tmp_path: Path
) -> None:
    (toy, run), (there, _) = ran, shelf
    push_pull.push_products(toy.root, run, there)
    before = (toy.root / "data" / "model" / "weights").read_text()
    cache = empty(toy)
    digest = next(f.md5 for f in run.stages["train"].products if f.path == "data/model")
    folder = dvc_cache.restore_product_folder(cache, digest, tmp_path / "model", "data/model")
    assert (folder / "weights").read_text() == before


def test_a_store_that_is_gone_costs_the_push_and_not_the_run(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy, run), (there, client) = ran, shelf
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))  # bound and deaf: whoever connects is refused
        nobody = f"http://127.0.0.1:{port.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
        monkeypatch.setattr(run_claims, "RETRY_PAUSES", (0.1, 0.1))
        going: Any = type("Going", (), {"root": toy.root, "record": run})
        push_pull.push_finished_run(going.root, going.record)
    assert "s3://shelf/touch/line" in run.unsent and "cannot be reached" in run.unsent
    assert "topsecret" not in run.unsent and run.state == "completed" and not run.remote
    monkeypatch.setenv("AWS_ENDPOINT_URL", client.meta.endpoint_url)
    push_pull.push_finished_run(going.root, going.record)
    assert run.remote == there.url and any("/files/md5/" in key for key in keys(client))


def test_a_folder_is_a_store_as_well(ran: tuple[Toy, RunRecord], tmp_path: Path) -> None:
    toy, run = ran
    there = RemoteStore(str(tmp_path / "shelf"))
    with pytest.raises(InputError, match="is not a folder; mount it"):
        push_pull.push_products(toy.root, run, there)
    Path(there.url).mkdir()
    sent = push_pull.push_products(toy.root, run, there)
    assert sent > 0 and push_pull.push_products(toy.root, run, there) == 0
    assert push_pull.pull_products(empty(toy), run, there) == sent
    twin = run.model_copy(update={"commit": "0" * 40})
    with pytest.raises(InputError, match="another run claims this id"):
        push_pull.push_products(toy.root, twin, there)


def test_a_store_is_named_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(remote.REMOTE_VARIABLE, raising=False)
    assert remote.get_remote_store() is None
    with pytest.raises(InputError, match="names no store"):
        remote.require_remote_store()
    for wrong in (
        "s3://key:hidden@shelf/a",
        "key:hidden@shelf/a",
        "ftp://shelf/a",
        "s3://",
        "shelf",
    ):
        monkeypatch.setenv(remote.REMOTE_VARIABLE, wrong)
        with pytest.raises(InputError) as fault:
            remote.get_remote_store()
        assert "hidden" not in str(fault.value)


def test_nothing_of_a_store_is_written_into_the_settings_of_dvc(
    ran: tuple[Toy, RunRecord], shelf: tuple[RemoteStore, Any]
) -> None:
    (toy, run), (there, client) = ran, shelf
    before = {p: p.read_bytes() for p in (toy.root / ".dvc").glob("config*")}
    push_pull.push_products(toy.root, run, there)
    assert {p: p.read_bytes() for p in (toy.root / ".dvc").glob("config*")} == before
    body = client.get_object(Bucket="shelf", Key=f"touch/line/runs/{run.id}.json")["Body"].read()
    assert b"topsecret" not in body and worktree.list_leftover_worktrees(toy.root) == []
