"""The store that several machines share: objects of DVC's cache in S3 or on a mounted disk.

`TOUCHLINE_REMOTE` names it, in the layout that `dvc push` and `dvc pull` use as well. Keys come
from AWS's own variables and are never written down. What arrives is hashed before it is kept.
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
from touchline.errors import BadInput
from touchline.progress import Progress

VARIABLE = "TOUCHLINE_REMOTE"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")
BATCH = 64  # objects between two looks at what failed: a cut line ends it within one batch
WAITS = {"connect_timeout": 10, "read_timeout": 20}  # seconds; a dead line is tried many times

Names = Mapping[str, str]  # digest of an object -> what it is, for the sentence that names it


@dataclass(frozen=True)
class Remote:
    """A store by its address: `s3://BUCKET/PREFIX`, or the absolute path of a folder."""

    url: str

    @cached_property
    def objects(self) -> HashFileDB:
        return _objects(self.url)

    def holds(self, digests: Iterable[str]) -> set[str]:
        """Those of the digests that are there, by a listing: two requests for a thousand."""
        run_claims.reach(self.url)
        try:  # the border to the network
            return set(self.objects.oids_exist(list(digests)))
        except (OSError, BotoCoreError, ClientError) as error:
            raise run_claims.told(error, self.url) from error

    def send(self, cache: Path, names: Names) -> int:
        """Send what the store lacks, files before the folders that name them; how many went.

        Nothing is sent under a digest that is not its own. Raises `BadInput`.
        """
        there = self.holds(names)
        new = sorted(set(names) - there, key=lambda oid: oid.endswith(".dir"))
        with Progress("push", len(new)) as progress:
            for batch in _batches(new):
                for oid in batch:
                    _sound(_place(cache, oid), oid, names[oid])
                failed = _copy(_local(cache), self.objects, batch, verify=False)
                if failed:
                    oid, error = next(iter(failed.items()))
                    raise run_claims.told(error, f"{self.url}: {names[oid]}")
                progress.to(progress.done + len(batch))
        return len(new)

    def bring(self, cache: Path, names: Names) -> int:
        """Fetch what the cache lacks; how many came. What is missing or corrupt is named."""
        new = [oid for oid in names if not _place(cache, oid).is_file()]
        if not new:
            return 0
        run_claims.reach(self.url)
        faults: list[BadInput] = []
        with Progress("pull", len(new)) as progress:
            for batch in _batches(new):
                failed = _copy(self.objects, _local(cache), batch, verify=True)
                faults += self._faults(cache, batch, names, failed)
                if any(not isinstance(one, FileNotFoundError) for one in failed.values()):
                    break  # the network, not one object
                progress.to(progress.done + len(batch))
        if faults:
            raise _together(faults)
        return len(new)

    def _faults(
        self, cache: Path, batch: list[str], names: Names, failed: Mapping[str, BaseException]
    ) -> list[BadInput]:
        found = []
        for oid in batch:
            if isinstance(error := failed.get(oid), FileNotFoundError):
                remedy = f"`touchline push` from a machine that has it ({oid})"
                found.append(BadInput(names[oid], f"is not at {self.url}", remedy))
            elif error is not None:
                found.append(run_claims.told(error, f"{self.url}: {names[oid]}"))
            elif not _place(cache, oid).is_file():
                wrong = f"is corrupt at {self.url} ({oid}) and was not kept"
                remedy = "`touchline push --mend` from a machine that has it"
                found.append(BadInput(names[oid], wrong, remedy))
        return found

    def corrupt(self, digests: Iterable[str]) -> set[str]:
        """Objects whose ETag contradicts their digest: no download, and blind to those in parts."""
        wanted, found = set(digests), set()
        for oid, etag in run_claims.etags(self.url):
            if oid in wanted and etag != oid.removesuffix(".dir"):
                found.add(oid)
        return found

    def drop(self, digests: Iterable[str]) -> None:
        try:  # the border to the network
            for oid in digests:
                self.objects.delete(oid)
        except (OSError, BotoCoreError, ClientError) as error:
            raise run_claims.told(error, self.url) from error


def named() -> Remote | None:
    """The store that the environment names, or None."""
    url = os.environ.get(VARIABLE, "")
    if not url:
        return None
    parts = urlsplit(url)
    if "@" in parts.netloc or ("@" in url and not Path(url).is_absolute()):
        wrong = "holds a password"
        raise BadInput(VARIABLE, wrong, "leave the keys to AWS_ACCESS_KEY_ID and its like")
    if (parts.scheme == "s3" and parts.netloc) or Path(url).is_absolute():
        return Remote(url.rstrip("/"))
    raise BadInput(f"{VARIABLE}={url}", "is no store", "give s3://BUCKET/PREFIX or a folder's path")


def needed() -> Remote:
    """The store, or a `BadInput` that says how to name one."""
    found = named()
    if found is None:
        raise BadInput(VARIABLE, "names no store", "set it to s3://BUCKET/PREFIX")
    return found


def _objects(url: str) -> HashFileDB:
    """DVC's view of the store; its settings stay in memory."""
    extra: dict[str, Any] = {}
    if url.startswith("s3://"):
        extra = dict(WAITS)
        if address := next(filter(None, map(os.environ.get, ENDPOINTS)), None):
            extra["endpointurl"] = address
        if run_claims.unsigned():
            extra["allow_anonymous_login"] = True
    found = cast(tuple[Any, dict[str, Any], str], get_cloud_fs({}, url=url, **extra))
    kind, settings, path = found
    fs = kind(**settings)
    return get_odb(fs, fs.join(path, "files", "md5"), hash_name="md5")


def _local(cache: Path) -> HashFileDB:
    return get_odb(LocalFileSystem(), str(cache / "files" / "md5"), hash_name="md5")


def _place(cache: Path, oid: str) -> Path:
    if not DIGEST.fullmatch(oid):
        raise BadInput(oid, "is no digest", "restore the record that names it")
    return cache / "files" / "md5" / oid[:2] / oid[2:]


def _sound(file: Path, oid: str, name: str) -> None:
    """The object is here and is what its digest says."""
    if not file.is_file():
        raise BadInput(name, f"is not in DVC's cache ({oid})", "rerun its run, or `touchline pull`")
    if not dvc_project.named_rightly(file):
        remedy = "`touchline doctor --full` says more; delete the file, then pull or rerun"
        raise BadInput(f"{name}: {file}", "is corrupt in DVC's cache", remedy)


def _copy(
    source: HashFileDB, target: HashFileDB, oids: list[str], verify: bool
) -> dict[str, BaseException]:
    """Copy objects; the errors of those that failed. With `verify` a corrupt one is removed."""
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
    return (oids[at : at + BATCH] for at in range(0, len(oids), BATCH))


def _together(faults: list[BadInput]) -> BadInput:
    """One sentence of many: the first, and how many more."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    return BadInput(first.place, f"{first.wrong}{more}", first.remedy)
