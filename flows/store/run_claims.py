"""What a shared store says beside its objects: whether it answers, and who holds a run's id."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from touchline.atomic import whole_file
from touchline.errors import BadInput
from touchline.sources.fetch import s3

PAUSES = (1.0, 3.0)  # seconds before the second and the third try
TIMEOUT = 30.0  # seconds for one answer
TAKEN, PASSING = (409, 412), (429, 500, 502, 503, 504)
KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and ask its owner for access"


def unsigned() -> bool:
    """Nobody gave keys: the store is asked as anybody."""
    return Session().get_credentials() is None


def reach(url: str) -> str:
    """Ask the store once, three times if need be; its `Date`, or "". Raises `BadInput`."""
    if not url.startswith("s3://"):
        if not Path(url).is_dir():
            raise BadInput(url, "is no folder", "mount it, or make it")
        return ""
    for pause in (*PAUSES, None):
        try:  # the border to the network
            said = _client().list_objects_v2(Bucket=_bucket(url), Prefix=_key(url, ""), MaxKeys=1)
            return said["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        except (BotoCoreError, ClientError, ValueError) as error:
            if pause is None or not _passing(error):
                raise told(error, url) from error
            time.sleep(pause)
    raise AssertionError


def read(url: str, id: str) -> str | None:
    """The record that holds a run's id in this store; None if nobody does."""
    if not url.startswith("s3://"):
        file = Path(url) / "runs" / f"{id}.json"
        return file.read_text(encoding="utf-8") if file.is_file() else None
    try:  # the border to the network
        found = _client().get_object(Bucket=_bucket(url), Key=_key(url, f"runs/{id}.json"))
        return found["Body"].read().decode("utf-8")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise told(error, url) from error
    except (BotoCoreError, ValueError) as error:
        raise told(error, url) from error


def take(url: str, id: str, text: str) -> bool:
    """Write the record unless one is there: False if somebody was first, whoever races us."""
    if not url.startswith("s3://"):
        reach(url)
        return _take_on_disk(Path(url) / "runs" / f"{id}.json", text)
    asked = {"Bucket": _bucket(url), "Key": _key(url, f"runs/{id}.json")}
    try:  # the border to the network
        _client().put_object(**asked, Body=text.encode(), IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in TAKEN:
            return False
        raise told(error, url) from error
    except (BotoCoreError, ValueError) as error:
        raise told(error, url) from error
    return True


def write(url: str, id: str, text: str) -> None:
    """Put another record in the place of a run's, such as one that says what is withdrawn."""
    if not url.startswith("s3://"):
        with whole_file(Path(url) / "runs" / f"{id}.json") as draft:
            draft.write_text(text, encoding="utf-8")
        return
    try:  # the border to the network
        place = {"Bucket": _bucket(url), "Key": _key(url, f"runs/{id}.json")}
        _client().put_object(**place, Body=text.encode())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise told(error, url) from error


def ids(url: str) -> list[str]:
    """The runs whose records lie in this store."""
    if not url.startswith("s3://"):
        return sorted(file.stem for file in (Path(url) / "runs").glob("[0-9]*.json"))
    place = _key(url, "runs/")
    try:  # the border to the network
        pages = _client().get_paginator("list_objects_v2")
        every = [one for page in pages.paginate(Bucket=_bucket(url), Prefix=place)
                 for one in page.get("Contents", [])]  # fmt: skip
    except (BotoCoreError, ClientError, ValueError) as error:
        raise told(error, url) from error
    names = (one["Key"].removeprefix(place) for one in every)
    return [name.removesuffix(".json") for name in names if name.endswith(".json")]


def _take_on_disk(file: Path, text: str) -> bool:
    """A link is made whole or not at all, and never over a file that is there."""
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


def etags(url: str) -> Iterator[tuple[str, str]]:
    """Digest and ETag of every object that was put in one piece; nothing on a disk."""
    if not url.startswith("s3://"):
        return
    place = _key(url, "files/md5/")
    try:  # the border to the network
        pages = _client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=_bucket(url), Prefix=place):
            for one in page.get("Contents", []):
                if plain := s3.PLAIN_ETAG.fullmatch(one["ETag"]):
                    yield one["Key"].removeprefix(place).replace("/", ""), plain[1]
    except (BotoCoreError, ClientError, ValueError) as error:
        raise told(error, url) from error


def told(error: BaseException, place: str) -> BadInput:
    """The sentence for what a store or the way to it answered; it holds no key."""
    again = "check the network and AWS_ENDPOINT_URL, then the same command goes on where it stood"
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        wrong = {403: "refuses access (403)", 404: "is not there (404)"}.get(status)
        remedy = {403: KEYS, 404: "make the bucket, or mend TOUCHLINE_REMOTE"}.get(status, again)
        return BadInput(place, wrong or f"answers {status}", remedy)
    if isinstance(error, PermissionError):
        return BadInput(place, "refuses access", KEYS)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BadInput(place, "the disk is full", "free some space, then pull again")
    return BadInput(place, f"cannot be reached ({type(error).__name__})", again)


def _passing(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error.response["ResponseMetadata"]["HTTPStatusCode"] in PASSING
    return isinstance(error, BotoCoreError)


def _client() -> Any:
    return s3.client(1, TIMEOUT, "")


def _bucket(url: str) -> str:
    return urlsplit(url).netloc


def _key(url: str, name: str) -> str:
    prefix = urlsplit(url).path.strip("/")
    return f"{prefix}/{name}" if prefix else name
