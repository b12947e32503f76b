"""A match that was pushed is withdrawn from the shared store too, and no machine brings it back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import cli
from flows.lineage import shared_stores, withdraw
from flows.lineage.byte_search import search_bytes_for_traces, search_file_for_traces
from flows.runs import dvc_project, record
from flows.runs.record import RunRecord
from flows.store import push_pull, remote
from flows.store.remote import RemoteStore
from tests.flows.lineage import made
from tests.flows.lineage.conftest import World
from tests.flows.nightly import project
from tests.store import store
from touchline.errors import InputError

OLD = "20261101-000000-aaaaaa"
TRACES = {b"the bytes of world/a/1": "bytes", b"world/a": "its name"}


@pytest.fixture(params=["S3", "a folder"])
def shelf(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RemoteStore]:
    """The store that this machine pushes to."""
    if request.param == "a folder":
        (tmp_path / "shelf").mkdir()
        monkeypatch.setenv(remote.REMOTE_VARIABLE, str(tmp_path / "shelf"))
        yield remote.require_remote_store()
        return
    with store(monkeypatch, "shelf") as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv(remote.REMOTE_VARIABLE, "s3://shelf/touch/line")
        yield remote.require_remote_store()


@pytest.fixture
def pushed(
    world: World, shelf: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> tuple[World, RunRecord]:
    """A run of both matches, here and in the store."""
    run = world.run(OLD)
    push_pull.push_products(world.root, run, shelf)
    monkeypatch.chdir(world.root)
    return world, run


def applied(what: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["impact", what, "--apply", "--yes"])
    return int(ended.value.code or 0)


def told(shelf: RemoteStore, folder: Path) -> set[str]:
    """What of the match is in the objects of the store, each of them fetched."""
    found: set[str] = set()
    sought = withdraw.SearchTerms(names=["world/a"], files=[], blocks=[], lines=[], frames=[])
    folder.mkdir()
    for oid in shelf.objects.all():
        file = folder / oid
        shelf.objects.fs.get(shelf.objects.oid_to_path(oid), str(file))
        found |= search_bytes_for_traces(file.read_bytes(), TRACES) | search_file_for_traces(
            file, sought, sought.needles()
        )
    return found


def test_what_was_pushed_of_it_is_gone_from_the_store_and_the_rest_is_not(
    pushed: tuple[World, RunRecord], shelf: RemoteStore, tmp_path: Path, capsys
) -> None:
    world, _ = pushed
    assert told(shelf, tmp_path / "before") == {"bytes", "its name"}
    assert applied("world/a") == 0
    said = capsys.readouterr().out
    assert f"from DVC's cache and from {shelf.url}" in said and f"objects at {shelf.url}" in said
    assert told(shelf, tmp_path / "after") == set()
    kept = set(
        push_pull.list_folder_objects(
            dvc_project.read_cache_dir(world.root), record.find_run(world.root, OLD)
        )
    )
    assert shelf.find_existing(kept) == kept
    there = push_pull.read_stored_record(shelf, OLD)
    assert there is not None and "data/clips" in there.withdrawn_paths


def test_an_object_that_another_machine_pushed_is_found_by_its_bytes(
    pushed: tuple[World, RunRecord], shelf: RemoteStore, tmp_path: Path, capsys
) -> None:
    world, _ = pushed
    own = tmp_path / "project" / ".touchline" / "elsewhere"
    video = made.products(own)["videos"] / "world" / "a" / "1.mkv"
    md5 = project._put(world.root, b"head" + video.read_bytes())
    shelf.send(dvc_project.read_cache_dir(world.root), {md5: "a stray"})
    (dvc_project.read_cache_dir(world.root) / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    shutil.rmtree(own)
    assert applied("world/a") == 0
    assert f"found and removed: {md5} at {shelf.url}" in capsys.readouterr().out
    assert shelf.find_existing([md5]) == set()


def test_a_machine_that_has_not_removed_it_cannot_push_it_again(
    pushed: tuple[World, RunRecord], shelf: RemoteStore, tmp_path: Path
) -> None:
    world, before = pushed
    kept = dvc_project.read_cache_dir(world.root)
    shutil.copytree(kept, tmp_path / "cache of the other")
    applied("world/a")
    shutil.copytree(tmp_path / "cache of the other", kept, dirs_exist_ok=True)
    with pytest.raises(InputError, match=r"withdrawn at .*; `git pull`, then `touchline impact`"):
        push_pull.push_products(world.root, before, shelf)
    assert told(shelf, tmp_path / "after") == set()


def test_what_is_not_withdrawn_of_a_run_can_still_be_pulled(
    pushed: tuple[World, RunRecord], shelf: RemoteStore
) -> None:
    world, _ = pushed
    applied("world/a")
    cache = dvc_project.read_cache_dir(world.root)
    shutil.rmtree(cache / "files")
    there = push_pull.read_stored_record(shelf, OLD)
    assert there is not None
    assert push_pull.pull_products(cache, there, shelf) > 0
    came = push_pull.list_product_objects(there) | push_pull.list_folder_objects(cache, there)
    assert came and all((cache / "files" / "md5" / m[:2] / m[2:]).is_file() for m in came)


def test_nothing_is_removed_while_the_store_is_away(
    pushed: tuple[World, RunRecord],
    shelf: RemoteStore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    world, _ = pushed
    away = "s3://nowhere/x" if shelf.url.startswith("s3://") else str(tmp_path / "unmounted")
    monkeypatch.setenv(remote.REMOTE_VARIABLE, away)
    assert applied("world/a") == 2
    assert not (world.root / ".touchline" / "removal.json").exists()
    assert record.find_run(world.root, OLD).withdrawn == {}


def test_an_interrupted_removal_must_reach_the_store_that_it_began_with(
    pushed: tuple[World, RunRecord], shelf: RemoteStore, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    world, _ = pushed
    with monkeypatch.context() as patch:
        patch.setattr(withdraw, "_delete_in_stores", _killed)
        assert applied("world/a") == 130
    with monkeypatch.context() as patch:
        patch.delenv(remote.REMOTE_VARIABLE)
        assert applied("world/a") == 2
        assert shelf.url in capsys.readouterr().err
    assert applied("world/a") == 0
    assert (
        shared_stores.list_shared_stores(world.root)
        and not (world.root / ".touchline/removal.json").exists()
    )


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
