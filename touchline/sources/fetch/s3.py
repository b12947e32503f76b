"""List and download from S3-compatible servers through boto3."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
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
    NOT_MODIFIED,
    TRANSIENT_STATUSES,
    FileDownload,
    PartState,
    TransientFetchError,
    build_status_error,
    build_unchanged_download,
    redact_url,
)

AWS_KEY_VARIABLES = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
S3_READ_BYTES = 2**16  # bytes per read
PLAIN_ETAG = re.compile(r'"([0-9a-f]{32})"')  # of an object put in one piece: its MD5


def open_s3_client(workers: int, timeout: float, endpoint: str) -> Any:
    """A boto3 S3 client with credentials from AWS's environment variables; anonymous if there are
    none.

    `endpoint` is a server's address; "" leaves it to AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, then
    to AWS. For servers other than AWS the bucket is in the path, not in the host name.
    """
    server_address = endpoint or os.environ.get(
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
        s3={"addressing_style": "path" if server_address else "auto"},
    )
    return session.client("s3", endpoint_url=server_address, config=settings)


def build_s3_url(bucket: str, key: str) -> str:
    """The `s3://bucket/key` URL, with the key percent-encoded."""
    return f"s3://{bucket}/{quote(key)}"


class S3Object(NamedTuple):
    """An object of a bucket, as it is listed."""

    key: str
    size: int  # bytes
    etag: str


def list_s3_objects(bucket: str, prefix: str, endpoint: str, timeout: float) -> list[S3Object]:
    """All objects below the prefix, in order. Raises `InputError` if
    listing fails.
    """
    place = build_s3_url(bucket, prefix)
    try:
        pages = open_s3_client(1, timeout, endpoint).get_paginator("list_objects_v2")
        objects = [
            o for p in pages.paginate(Bucket=bucket, Prefix=prefix) for o in p.get("Contents", [])
        ]
    except (ClientError, BotoCoreError, ValueError) as error:
        translated = _translate_s3_error(error, place)
        if isinstance(translated, TransientFetchError):
            translated = InputError(
                place, str(translated), "check the endpoint and the network, and run again"
            )
        raise translated from None
    return [S3Object(entry["Key"], entry["Size"], entry["ETag"]) for entry in objects]


@contextmanager
def open_s3_download(s3_client: Any, url: str, state: PartState) -> Iterator[FileDownload]:
    """Context manager: request the missing bytes of an object. Raises `TransientFetchError` or
    `MirrorError`.
    """
    try:
        parts = urlsplit(url)
        target = {"Bucket": parts.netloc, "Key": unquote(parts.path[1:])}
        reply = s3_client.get_object(**target, **_build_s3_range(state))
        with closing(reply["Body"]):
            yield _build_s3_download(reply, state)
    except ClientError as error:
        if state.complete and error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_MODIFIED:
            yield build_unchanged_download(state)
        else:
            raise _translate_s3_error(error, redact_url(url)) from None
    except BotoCoreError as error:
        raise _translate_s3_error(error, redact_url(url)) from None


def _build_s3_range(state: PartState) -> dict[str, str]:
    if state.complete and state.mark:
        return {"IfNoneMatch": state.mark}
    if state.bytes and not state.complete:
        return {"Range": f"bytes={state.bytes}-"} | ({"IfMatch": state.mark} if state.mark else {})
    return {}


def _build_s3_download(reply: dict[str, Any], state: PartState) -> FileDownload:
    """The download of an S3 response; its digests come from the `sha256` metadata and from the
    ETag, which is often the MD5.
    """
    offset = state.bytes if "ContentRange" in reply else 0
    digests, plain_etag = {}, PLAIN_ETAG.fullmatch(reply["ETag"])
    if (
        plain_etag and reply.get("ServerSideEncryption", "AES256") == "AES256"
    ):  # else it is not an MD5
        digests["md5"] = plain_etag[1]
    stated_sha256 = reply["Metadata"].get("sha256", "").lower()
    if re.fullmatch(r"[0-9a-f]{64}", stated_sha256):
        digests["sha256"] = stated_sha256
    chunks = reply["Body"].iter_chunks(S3_READ_BYTES)
    return FileDownload(offset, offset + reply["ContentLength"], reply["ETag"], chunks, digests)


def _translate_s3_error(error: Exception, place: str) -> Exception:
    if isinstance(error, ClientError):
        metadata = error.response["ResponseMetadata"]
        if metadata["HTTPStatusCode"] in TRANSIENT_STATUSES:
            wait = metadata["HTTPHeaders"].get("retry-after", "0")
            return TransientFetchError(
                f"answers {metadata['HTTPStatusCode']}", float(wait) if wait.isdecimal() else 0.0
            )
        return build_status_error(
            place, metadata["HTTPStatusCode"], error.response["Error"]["Code"], AWS_KEY_VARIABLES
        )
    if isinstance(error, EndpointConnectionError):
        return TransientFetchError("cannot be reached")
    if isinstance(error, HTTPClientError | IncompleteReadError):
        return TransientFetchError(f"breaks off ({type(error).__name__})")
    return InputError(
        place, f"cannot be asked for ({type(error).__name__})", f"check {AWS_KEY_VARIABLES}"
    )
