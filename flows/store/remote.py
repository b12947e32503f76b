"""The shared store: objects of DVC's cache in S3 or on a mounted disk.

`TOUCHLINE_REMOTE` names it; the layout is that of `dvc push` and `dvc pull`. Credentials come from
the AWS variables and are never stored. Downloads are hashed before they are kept.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from dvc.fs import get_cloud_fs
from dvc_data.hashfile.db import HashFileDB, get_odb
from dvc_objects.fs.local import LocalFileSystem

from flows.runs import dvc_project
from flows.store import run_claims
from touchline.errors import InputError
from touchline.progress import ProgressReporter

REMOTE_VARIABLE = "TOUCHLINE_REMOTE"
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")
BATCH_OBJECTS = 64  # objects between two looks at what failed: a cut line ends it within one batch
S3_TIMEOUTS = {
    "connect_timeout": 10,
    "read_timeout": 20,
}  # seconds; a dead line is tried many times

ObjectNames = Mapping[str, str]  # digest of an object -> what it is, for the sentence that names it


@dataclass(frozen=True)
class RemoteStore:
    """A store by its URL: `s3://BUCKET/PREFIX`, or the absolute path of a folder."""

    url: str

    @cached_property
    def objects(self) -> HashFileDB:
        return _open_store_objects(self.url)

    def find_existing(self, digests: Iterable[str]) -> set[str]:
        """Which of these digests the store has."""
        run_claims.ping_store(self.url)
        try:  # the border to the network
            return set(self.objects.oids_exist(list(digests)))
        except (OSError, BotoCoreError, ClientError) as error:
            raise run_claims.explain_store_error(error, self.url) from error

    def send(self, cache: Path, names: ObjectNames) -> int:
        """Send the objects that the store lacks, files before folder listings. Returns how many
        were sent. Raises `InputError` if a local object is missing or corrupt.
        """
        existing = self.find_existing(names)
        missing = sorted(set(names) - existing, key=lambda oid: oid.endswith(".dir"))
        with ProgressReporter("push", len(missing)) as progress:
            for batch in _batches(missing):
                for oid in batch:
                    _check_object(_object_path(cache, oid), oid, names[oid])
                failed = _copy_objects(
                    _open_local_objects(cache), self.objects, batch, verify=False
                )
                if failed:
                    oid, error = next(iter(failed.items()))
                    raise run_claims.explain_store_error(error, f"{self.url}: {names[oid]}")
                progress.advance_to(progress.done + len(batch))
        return len(missing)

    def fetch(self, cache: Path, names: ObjectNames) -> int:
        """Fetch the objects that the cache lacks and return how many. Raises one `InputError` for
        all that are missing or corrupt.
        """
        missing = [oid for oid in names if not _object_path(cache, oid).is_file()]
        if not missing:
            return 0
        run_claims.ping_store(self.url)
        faults: list[InputError] = []
        with ProgressReporter("pull", len(missing)) as progress:
            for batch in _batches(missing):
                failed = _copy_objects(self.objects, _open_local_objects(cache), batch, verify=True)
                faults += self._batch_faults(cache, batch, names, failed)
                if any(not isinstance(error, FileNotFoundError) for error in failed.values()):
                    break  # the network, not one object
                progress.advance_to(progress.done + len(batch))
        if faults:
            raise _merge_faults(faults)
        return len(missing)

    def _batch_faults(
        self, cache: Path, batch: list[str], names: ObjectNames, failed: Mapping[str, BaseException]
    ) -> list[InputError]:
        faults = []
        for oid in batch:
            if isinstance(error := failed.get(oid), FileNotFoundError):
                remedy = f"`touchline push` from a machine that has it ({oid})"
                faults.append(InputError(names[oid], f"is not at {self.url}", remedy))
            elif error is not None:
                faults.append(run_claims.explain_store_error(error, f"{self.url}: {names[oid]}"))
            elif not _object_path(cache, oid).is_file():
                problem = f"is corrupt at {self.url} ({oid}) and was not kept"
                remedy = "`touchline push --mend` from a machine that has it"
                faults.append(InputError(names[oid], problem, remedy))
        return faults

    def find_corrupt(self, digests: Iterable[str]) -> set[str]:
        """Digests of objects whose ETag contradicts them. Nothing is downloaded; objects uploaded
        in several parts cannot be checked.
        """
        expected, corrupt_digests = set(digests), set()
        for oid, etag in run_claims.list_object_etags(self.url):
            if oid in expected and etag != oid.removesuffix(".dir"):
                corrupt_digests.add(oid)
        return corrupt_digests

    def drop(self, digests: Iterable[str]) -> None:
        try:  # the border to the network
            for oid in digests:
                self.objects.delete(oid)
        except (OSError, BotoCoreError, ClientError) as error:
            raise run_claims.explain_store_error(error, self.url) from error


def get_remote_store() -> RemoteStore | None:
    """The store that `TOUCHLINE_REMOTE` names, or None. Raises `InputError` for a malformed
    address.
    """
    url = os.environ.get(REMOTE_VARIABLE, "")
    if not url:
        return None
    parts = urlsplit(url)
    if "@" in parts.netloc or ("@" in url and not Path(url).is_absolute()):
        problem = "holds a password"
        raise InputError(
            REMOTE_VARIABLE, problem, "leave the keys to AWS_ACCESS_KEY_ID and its like"
        )
    if (parts.scheme == "s3" and parts.netloc) or Path(url).is_absolute():
        return RemoteStore(url.rstrip("/"))
    raise InputError(
        f"{REMOTE_VARIABLE}={url}", "is not a store", "give s3://BUCKET/PREFIX or a folder's path"
    )


def require_remote_store() -> RemoteStore:
    """Like `get_remote_store`, but raises `InputError` if none is set."""
    store = get_remote_store()
    if store is None:
        raise InputError(REMOTE_VARIABLE, "names no store", "set it to s3://BUCKET/PREFIX")
    return store


def _open_store_objects(url: str) -> HashFileDB:
    """DVC's view of the store; its settings stay in memory."""
    options: dict[str, Any] = {}
    if url.startswith("s3://"):
        options = dict(S3_TIMEOUTS)
        if address := next(filter(None, map(os.environ.get, ENDPOINT_VARIABLES)), None):
            options["endpointurl"] = address
        if run_claims.has_no_credentials():
            options["allow_anonymous_login"] = True
    filesystem = cast(tuple[Any, dict[str, Any], str], get_cloud_fs({}, url=url, **options))
    kind, settings, path = filesystem
    fs = kind(**settings)
    return get_odb(fs, fs.join(path, "files", "md5"), hash_name="md5")


def _open_local_objects(cache: Path) -> HashFileDB:
    return get_odb(LocalFileSystem(), str(cache / "files" / "md5"), hash_name="md5")


def _object_path(cache: Path, oid: str) -> Path:
    if not DIGEST.fullmatch(oid):
        raise InputError(oid, "is not a digest", "restore the record that names it")
    return cache / "files" / "md5" / oid[:2] / oid[2:]


def _check_object(file: Path, oid: str, name: str) -> None:
    """Raise `InputError` unless the object is in the cache and matches its digest."""
    if not file.is_file():
        raise InputError(
            name, f"is not in DVC's cache ({oid})", "rerun its run, or `touchline pull`"
        )
    if not dvc_project.is_object_intact(file):
        remedy = "`touchline doctor --full` says more; delete the file, then pull or rerun"
        raise InputError(f"{name}: {file}", "is corrupt in DVC's cache", remedy)


def _copy_objects(
    source: HashFileDB, target: HashFileDB, oids: list[str], verify: bool
) -> dict[str, BaseException]:
    """Copy objects and return {md5: error} of those that failed. With `verify` a corrupt copy is
    removed.
    """
    failed: dict[str, BaseException] = {}
    paths = [source.oid_to_path(oid) for oid in oids]
    try:  # the border to the network
        target.add(
            paths, source.fs, oids, check_exists=False, verify=verify, on_error=failed.__setitem__
        )
    except (OSError, BotoCoreError, ClientError) as error:
        return dict.fromkeys(oids, error)
    return failed


def _batches(oids: list[str]) -> Iterable[list[str]]:
    return (oids[at : at + BATCH_OBJECTS] for at in range(0, len(oids), BATCH_OBJECTS))


def _merge_faults(faults: list[InputError]) -> InputError:
    """One `InputError` for many: the first, and how many more."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    return InputError(first.place, f"{first.wrong}{more}", first.remedy)
