"""Run records in a shared store, which claim run ids, and a check that the store can be reached."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.sources.fetch import s3

RETRY_PAUSES = (1.0, 3.0)  # seconds before the second and the third try
TIMEOUT = 30.0  # seconds for one answer
TAKEN, PASSING = (409, 412), (429, 500, 502, 503, 504)
ACCESS_KEYS_REMEDY = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and ask its owner for access"


def has_no_credentials() -> bool:
    """Whether no AWS credentials are set, so that requests must be anonymous."""
    return Session().get_credentials() is None


def ping_store(url: str) -> str:
    """Check that the store answers, with up to three tries. Returns the `Date` header of S3, or an
    empty string for a folder. Raises `InputError`.
    """
    if not url.startswith("s3://"):
        if not Path(url).is_dir():
            raise InputError(url, "is not a folder", "mount it, or make it")
        return ""
    for pause in (*RETRY_PAUSES, None):
        try:  # the border to the network
            response = _client().list_objects_v2(
                Bucket=_bucket(url), Prefix=_key(url, ""), MaxKeys=1
            )
            return response["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        except (BotoCoreError, ClientError, ValueError) as error:
            if pause is None or not _is_transient(error):
                raise explain_store_error(error, url) from error
            time.sleep(pause)
    raise AssertionError


def read_run_claim(url: str, id: str) -> str | None:
    """The record that claims this run id in the store, as JSON text; None if there is none."""
    if not url.startswith("s3://"):
        file = Path(url) / "runs" / f"{id}.json"
        return file.read_text(encoding="utf-8") if file.is_file() else None
    try:  # the border to the network
        response = _client().get_object(Bucket=_bucket(url), Key=_key(url, f"runs/{id}.json"))
        return response["Body"].read().decode("utf-8")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise explain_store_error(error, url) from error
    except (BotoCoreError, ValueError) as error:
        raise explain_store_error(error, url) from error


def claim_run_id(url: str, id: str, text: str) -> bool:
    """Write a run record if none exists for this id; atomic even if several machines try. Returns
    False if the id was claimed already.
    """
    if not url.startswith("s3://"):
        ping_store(url)
        return _claim_on_disk(Path(url) / "runs" / f"{id}.json", text)
    location = {"Bucket": _bucket(url), "Key": _key(url, f"runs/{id}.json")}
    try:  # the border to the network
        _client().put_object(**location, Body=text.encode(), IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in TAKEN:
            return False
        raise explain_store_error(error, url) from error
    except (BotoCoreError, ValueError) as error:
        raise explain_store_error(error, url) from error
    return True


def write_run_claim(url: str, id: str, text: str) -> None:
    """Overwrite the record of a run, for example to note a withdrawal."""
    if not url.startswith("s3://"):
        with atomic_file(Path(url) / "runs" / f"{id}.json") as draft:
            draft.write_text(text, encoding="utf-8")
        return
    try:  # the border to the network
        location = {"Bucket": _bucket(url), "Key": _key(url, f"runs/{id}.json")}
        _client().put_object(**location, Body=text.encode())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise explain_store_error(error, url) from error


def list_claimed_runs(url: str) -> list[str]:
    """Ids of all runs with a record in this store."""
    if not url.startswith("s3://"):
        return sorted(file.stem for file in (Path(url) / "runs").glob("[0-9]*.json"))
    prefix = _key(url, "runs/")
    try:  # the border to the network
        pages = _client().get_paginator("list_objects_v2")
        objects = [entry for page in pages.paginate(Bucket=_bucket(url), Prefix=prefix)
                 for entry in page.get("Contents", [])]  # fmt: skip
    except (BotoCoreError, ClientError, ValueError) as error:
        raise explain_store_error(error, url) from error
    names = (entry["Key"].removeprefix(prefix) for entry in objects)
    return [name.removesuffix(".json") for name in names if name.endswith(".json")]


def _claim_on_disk(file: Path, text: str) -> bool:
    """Create the record by a hard link: atomic, and it never replaces an existing file."""
    file.parent.mkdir(exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    draft.write_text(text, encoding="utf-8")
    try:
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def list_object_etags(url: str) -> Iterator[tuple[str, str]]:
    """(md5, ETag) of every object that was uploaded in a single part; nothing for a folder."""
    if not url.startswith("s3://"):
        return
    prefix = _key(url, "files/md5/")
    try:  # the border to the network
        pages = _client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=_bucket(url), Prefix=prefix):
            for entry in page.get("Contents", []):
                if md5_etag := s3.PLAIN_ETAG.fullmatch(entry["ETag"]):
                    yield entry["Key"].removeprefix(prefix).replace("/", ""), md5_etag[1]
    except (BotoCoreError, ClientError, ValueError) as error:
        raise explain_store_error(error, url) from error


def explain_store_error(error: BaseException, place: str) -> InputError:
    """Convert an error of the store or network to an `InputError` without credentials in it."""
    network_remedy = (
        "check the network and AWS_ENDPOINT_URL, then the same command goes on where it stood"
    )
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        problem = {403: "refuses access (403)", 404: "is not there (404)"}.get(status)
        remedy = {403: ACCESS_KEYS_REMEDY, 404: "make the bucket, or correct TOUCHLINE_REMOTE"}.get(
            status, network_remedy
        )
        return InputError(place, problem or f"answers {status}", remedy)
    if isinstance(error, PermissionError):
        return InputError(place, "refuses access", ACCESS_KEYS_REMEDY)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(place, "the disk is full", "free some space, then pull again")
    return InputError(place, f"cannot be reached ({type(error).__name__})", network_remedy)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"] in PASSING
    return isinstance(error, BotoCoreError)


def _client() -> Any:
    return s3.open_s3_client(1, TIMEOUT, "")


def _bucket(url: str) -> str:
    return urlsplit(url).netloc


def _key(url: str, name: str) -> str:
    prefix = urlsplit(url).path.strip("/")
    return f"{prefix}/{name}" if prefix else name
