"""Fetch from S3 and what speaks like it, through boto3: listings and ranged reads."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
)

from touchline.errors import InputError
from touchline.sources.fetch.request import (
    PASSING,
    UNCHANGED,
    Answer,
    Have,
    Passing,
    refused,
    shown,
    unchanged,
)

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
PIECE = 2**16  # bytes per read
PLAIN_ETAG = re.compile(r'"([0-9a-f]{32})"')  # of an object put in one piece: its MD5


def client(workers: int, timeout: float, endpoint: str) -> Any:
    """A client with AWS's own variables; without any credential it asks as anybody.

    `endpoint` is a server's address; "" leaves it to AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL,
    then to AWS. Other servers than AWS get the bucket in the path, not in the host name.
    """
    elsewhere = endpoint or os.environ.get(
        "AWS_ENDPOINT_URL_S3", os.environ.get("AWS_ENDPOINT_URL")
    )
    session = Session()
    settings = Config(
        retries={"total_max_attempts": 1},  # the caller tries again, and knows what is here
        max_pool_connections=workers,
        connect_timeout=timeout,
        read_timeout=timeout,
        response_checksum_validation="when_required",
        signature_version=None if session.get_credentials() else UNSIGNED,
        s3={"addressing_style": "path" if elsewhere else "auto"},
    )
    return session.client("s3", endpoint_url=elsewhere, config=settings)


def url(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{quote(key)}"


def listing(bucket: str, prefix: str, endpoint: str, timeout: float) -> list[tuple[str, int]]:
    """Keys below the prefix and their bytes, in order; a `InputError` when it cannot be had."""
    place = url(bucket, prefix)
    try:
        pages = client(1, timeout, endpoint).get_paginator("list_objects_v2")
        found = [
            o for p in pages.paginate(Bucket=bucket, Prefix=prefix) for o in p.get("Contents", [])
        ]
    except (ClientError, BotoCoreError, ValueError) as error:
        told = _told(error, place)
        if isinstance(told, Passing):
            told = InputError(place, str(told), "check the endpoint and the network, and run again")
        raise told from None
    return [(one["Key"], one["Size"]) for one in found]


@contextmanager
def answer(line: Any, url: str, have: Have) -> Iterator[Answer]:
    """Ask for what is missing of an object. Raises `Passing` or `Unfit`."""
    try:
        parts = urlsplit(url)
        asked = {"Bucket": parts.netloc, "Key": unquote(parts.path[1:])}
        reply = line.get_object(**asked, **_condition(have))
        with closing(reply["Body"]):
            yield _answer(reply, have)
    except ClientError as error:
        if have.whole and error.response["ResponseMetadata"]["HTTPStatusCode"] == UNCHANGED:
            yield unchanged(have)
        else:
            raise _told(error, shown(url)) from None
    except BotoCoreError as error:
        raise _told(error, shown(url)) from None


def _condition(have: Have) -> dict[str, str]:
    if have.whole and have.mark:
        return {"IfNoneMatch": have.mark}
    if have.bytes and not have.whole:
        return {"Range": f"bytes={have.bytes}-"} | ({"IfMatch": have.mark} if have.mark else {})
    return {}


def _answer(reply: dict[str, Any], have: Have) -> Answer:
    """An object may state its sha256 as metadata; its ETag is often its MD5."""
    at = have.bytes if "ContentRange" in reply else 0
    digests, plain = {}, PLAIN_ETAG.fullmatch(reply["ETag"])
    if plain and reply.get("ServerSideEncryption", "AES256") == "AES256":  # else it is no MD5
        digests["md5"] = plain[1]
    stated = reply["Metadata"].get("sha256", "").lower()
    if re.fullmatch(r"[0-9a-f]{64}", stated):
        digests["sha256"] = stated
    chunks = reply["Body"].iter_chunks(PIECE)
    return Answer(at, at + reply["ContentLength"], reply["ETag"], chunks, digests)


def _told(error: Exception, place: str) -> Exception:
    if isinstance(error, ClientError):
        known = error.response["ResponseMetadata"]
        if known["HTTPStatusCode"] in PASSING:
            wait = known["HTTPHeaders"].get("retry-after", "0")
            return Passing(
                f"answers {known['HTTPStatusCode']}", float(wait) if wait.isdecimal() else 0.0
            )
        return refused(place, known["HTTPStatusCode"], error.response["Error"]["Code"], KEYS)
    if isinstance(error, EndpointConnectionError):
        return Passing("cannot be reached")
    if isinstance(error, HTTPClientError | IncompleteReadError):
        return Passing(f"breaks off ({type(error).__name__})")
    return InputError(place, f"cannot be asked for ({type(error).__name__})", f"check {KEYS}")
