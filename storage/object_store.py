"""The only code that talks to the bucket. Calls block: on threads, never on an event loop.

Whatever is wrong with the store is StoreUnavailable, with what it said as the cause. Configuration, credentials and
connection are django-storages' (storage.bucket); its one client serves every thread of the process.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.utils.http import http_date

from core import clock
from storage.bucket import Bucket
from storage.exceptions import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# One PUT up to here; above, parts of this size.
PART_BYTES = 8 * 1024**2
_CHUNK_BYTES = 1024**2
_making = Lock()
_MISSING = {"404", "NoSuchKey", "NotFound"}


class ObjectMissing(Exception):
    """The bucket has no object under this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the bucket says of an object."""

    size_bytes: int
    content_type: str
    etag: str


def put_file(path: Path, key: str, *, content_type: str, sha256: bytes) -> None:
    """Store a file under a key of its own; the store checks the hash of what arrives. Memory stays constant."""
    with _failures():
        if path.stat().st_size > PART_BYTES:
            _put_parts(path, key, content_type, sha256)
        else:
            with path.open("rb") as body:
                _put_once(body, key, content_type, sha256)


def head(key: str) -> Head:
    """Raises ObjectMissing."""
    with _failures():
        answer = _client().head_object(Bucket=settings.S3_BUCKET, Key=key)
    return Head(size_bytes=answer["ContentLength"], content_type=answer["ContentType"], etag=answer["ETag"])


def download(key: str, to: Path) -> None:
    """Stream an object into a file. Raises ObjectMissing."""
    with _failures(), to.open("wb") as file:
        body = _client().get_object(Bucket=settings.S3_BUCKET, Key=key)["Body"]
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            file.write(chunk)


def delete(key: str) -> None:
    """Remove an object; safe to repeat."""
    with _failures():
        _client().delete_object(Bucket=settings.S3_BUCKET, Key=key)


def presign_get(key: str, *, until: datetime, content_type: str, disposition: str) -> str:
    """A link to read one object until then, with what the reader's browser is told about it fixed in the signature.

    Credentials of a role live longer than any link: botocore renews them ten minutes before they end.
    """
    link = _client().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": settings.S3_BUCKET,
            "Key": key,
            "ResponseContentType": content_type,
            "ResponseContentDisposition": disposition,
            # An end and no age: a copy taken in the link's last second must not outlive it by minutes.
            "ResponseCacheControl": "private",
            "ResponseExpires": http_date(until.timestamp()),
        },
        ExpiresIn=max(1, int((until - clock.now()).total_seconds())),
    )
    return _through_cdn(link)


def _put_once(body: BinaryIO, key: str, content_type: str, sha256: bytes) -> None:
    try:
        _client().put_object(
            Bucket=settings.S3_BUCKET,
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata={"sha256": sha256.hex()},
            ChecksumSHA256=b64encode(sha256).decode(),
            IfNoneMatch="*",
        )
    except ClientError as error:
        # Keys are random and ours alone, so what is there already is our own put, whose answer got lost.
        if _status(error) != HTTPStatus.PRECONDITION_FAILED:
            raise


def _put_parts(path: Path, key: str, content_type: str, sha256: bytes) -> None:
    """In parts, read from the file as they are sent; those of a put that failed are aborted."""
    _client().upload_file(
        str(path),
        settings.S3_BUCKET,
        key,
        ExtraArgs={"ContentType": content_type, "Metadata": {"sha256": sha256.hex()}},
        Config=TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2),
    )


def _through_cdn(link: str) -> str:
    """The same link by way of the edge, which sends it on to the bucket under the host it was signed for."""
    if not settings.CDN_BASE_URL:
        return link
    signed = urlsplit(link)
    return f"{settings.CDN_BASE_URL}{signed.path}?{signed.query}"


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise ObjectMissing from None
        raise StoreUnavailable from error
    except (BotoCoreError, Boto3Error) as error:
        raise StoreUnavailable from error


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _client() -> "S3Client":
    """One per process: clients are safe to share between threads, slow to make, and hold the connection pool."""
    with _making:
        return _made_client()


@cache
def _made_client() -> "S3Client":
    return cast("S3Client", cast("Bucket", storages["default"]).connection.meta.client)
