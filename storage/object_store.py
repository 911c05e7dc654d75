"""The only code that talks to the bucket, but for storage_check. Calls block: on threads, never on an event loop.

Whatever is wrong with the store is StoreUnavailable, with what it said as the cause. Configuration, credentials and
connection are django-storages' (storage.bucket); its one client serves every thread of the process.
"""

from base64 import b64encode
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import md5
from hashlib import sha256 as sha256_of
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, cast
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.utils.http import http_date
from s3transfer.utils import ReadFileChunk

from core import clock
from storage.bucket import Bucket
from storage.exceptions import StoreUnavailable

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CreateMultipartUploadRequestTypeDef

# One PUT up to here; above, parts of this size.
PART_BYTES = 8 * 1024**2
_CHUNK_BYTES = 1024**2
# Of one object, how many parts are held in memory and on their way at once.
_PARTS_AT_ONCE = 2
_making = Lock()
_MISSING = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}


class Proof(TypedDict, total=False):
    """The hash that a store compares with what arrives."""

    ChecksumSHA256: str
    ContentMD5: str


class OnlyOnce(TypedDict, total=False):
    """The condition that a key is not overwritten, for stores that take it."""

    IfNoneMatch: str


_ONLY_ONCE: dict[bool, OnlyOnce] = {True: {"IfNoneMatch": "*"}, False: {}}


class ObjectMissing(Exception):
    """The bucket has no object under this key, or no such parts of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the bucket says of an object."""

    size_bytes: int
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an object to be, as the bucket has it; with its hash (in base64) if we sent it."""

    number: int
    size_bytes: int
    etag: str
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPut:
    """What a client sends to put bytes where it may: exactly these headers, and no other body than was promised."""

    url: str
    headers: Mapping[str, str]
    method: str = "PUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsBegun:
    """An object that was announced in parts and is none yet."""

    key: str
    multipart_id: str
    begun_at: datetime


def put_file(path: Path, key: str, *, content_type: str, sha256: bytes) -> None:
    """Store a file under a key of its own; the store checks the hash of what arrives. Memory stays constant."""
    size_bytes = path.stat().st_size
    if size_bytes > PART_BYTES:
        parts = PartsWriter(path, key, begin_parts(key, content_type=content_type, sha256=sha256, hashed=True))
        try:
            parts.finish(size_bytes)
        except BaseException:
            parts.abort()
            raise
        return
    with _failures(), path.open("rb") as body:
        try:
            _client().put_object(
                Bucket=settings.S3_BUCKET,
                Key=key,
                Body=body,
                ContentType=content_type,
                Metadata={"sha256": sha256.hex()},
                **_proof(body, sha256),
                **_ONLY_ONCE[settings.S3_CONDITIONAL_WRITES],
            )
        except ClientError as error:
            # Keys are random and ours alone, so what is there already is our own put, whose answer got lost.
            if _status(error) != HTTPStatus.PRECONDITION_FAILED:
                raise


class PartsWriter:
    """Sends a file to the bucket in parts while it is still being written; the store checks each part's hash.

    Whoever writes the file says how far it has come and waits there while enough parts are on their way, so memory
    stays constant and a fast sender goes at the bucket's pace. For one thread at a time.
    """

    def __init__(self, path: Path, key: str, multipart_id: str) -> None:
        self._path = path
        self._key = key
        self._multipart_id = multipart_id
        self._threads = ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="part")
        self._under_way: deque[Future[Part]] = deque()
        self._sent: list[Part] = []
        self._begun_bytes = 0

    def reached(self, size_bytes: int) -> None:
        """Send what is whole of the first `size_bytes` bytes, which the file has. Raises StoreUnavailable."""
        while size_bytes - self._begun_bytes >= PART_BYTES:
            self._begin(PART_BYTES)

    def finish(self, size_bytes: int) -> None:
        """Send the rest of a file of this size and make the parts one object. Raises StoreUnavailable."""
        self.reached(size_bytes)
        if size_bytes > self._begun_bytes:
            self._begin(size_bytes - self._begun_bytes)
        while self._under_way:
            self._sent.append(self._under_way.popleft().result())
        self._threads.shutdown()
        finish_parts(self._key, self._multipart_id, self._sent)

    def abort(self) -> None:
        """Take back what was sent, if the bucket can be reached; else the sweep does."""
        self._threads.shutdown(cancel_futures=True)
        with suppress(StoreUnavailable):
            abort_parts(self._key, self._multipart_id)

    def _begin(self, size_bytes: int) -> None:
        if len(self._under_way) == _PARTS_AT_ONCE:
            self._sent.append(self._under_way.popleft().result())
        number = len(self._sent) + len(self._under_way) + 1
        self._under_way.append(self._threads.submit(self._send, number, self._begun_bytes, size_bytes))
        self._begun_bytes += size_bytes

    def _send(self, number: int, offset: int, size_bytes: int) -> Part:
        with self._slice(offset, size_bytes) as body:
            proof = _proof(body)
        with _failures(), self._slice(offset, size_bytes) as body:
            answer = _client().upload_part(
                Bucket=settings.S3_BUCKET,
                Key=self._key,
                UploadId=self._multipart_id,
                PartNumber=number,
                Body=body,
                ContentLength=size_bytes,
                **proof,
            )
        checksum = proof.get("ChecksumSHA256", "")
        return Part(number=number, size_bytes=size_bytes, etag=answer["ETag"], sha256=checksum)

    @contextmanager
    def _slice(self, offset: int, size_bytes: int) -> Iterator[BinaryIO]:
        """A part as a file of its own, so that it is never in memory whole."""
        with ReadFileChunk.from_filename(str(self._path), offset, size_bytes) as part:
            yield cast("BinaryIO", part)


def begin_parts(key: str, *, content_type: str, sha256: bytes | None = None, hashed: bool = False) -> str:
    """Announce an object that comes in parts, each with its hash or none; returns the id that the parts go by."""
    announced: CreateMultipartUploadRequestTypeDef = {
        "Bucket": settings.S3_BUCKET,
        "Key": key,
        "ContentType": content_type,
        "Metadata": {"sha256": sha256.hex()} if sha256 else {},
    }
    if hashed and settings.S3_INTEGRITY == "sha256":
        announced["ChecksumAlgorithm"] = "SHA256"
    with _failures():
        return _client().create_multipart_upload(**announced)["UploadId"]


def parts(key: str, multipart_id: str) -> list[Part]:
    """The parts that have arrived, by number. Raises ObjectMissing where they became an object or were aborted."""
    with _failures():
        pages = (
            _client().get_paginator("list_parts").paginate(Bucket=settings.S3_BUCKET, Key=key, UploadId=multipart_id)
        )
        return [
            Part(number=part["PartNumber"], size_bytes=part["Size"], etag=part["ETag"])
            for page in pages
            for part in page.get("Parts", [])
        ]


def finish_parts(key: str, multipart_id: str, of: Sequence[Part]) -> None:
    """Make the parts one object. Safe to repeat: what is an object already stays as it is."""
    named: list[CompletedPartTypeDef] = []
    for part in of:
        named.append({"PartNumber": part.number, "ETag": part.etag})
        if part.sha256:
            named[-1]["ChecksumSHA256"] = part.sha256
    with _failures():
        try:
            _client().complete_multipart_upload(
                Bucket=settings.S3_BUCKET, Key=key, UploadId=multipart_id, MultipartUpload={"Parts": named}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            # The answer to an earlier try got lost, if the object is there.
            _client().head_object(Bucket=settings.S3_BUCKET, Key=key)


def abort_parts(key: str, multipart_id: str) -> None:
    """Throw the parts away; safe to repeat."""
    with suppress(ObjectMissing), _failures():
        _client().abort_multipart_upload(Bucket=settings.S3_BUCKET, Key=key, UploadId=multipart_id)


def presign_put(key: str, *, content_type: str, size_bytes: int, sha256: bytes, until: datetime) -> PresignedPut:
    """Leave to put exactly these bytes under a key where nothing is yet: type, size and hash are signed.

    Hash and condition only where the store takes them; whoever completes the upload reads the bytes back anyway.
    """
    params: dict[str, Any] = {
        "Bucket": settings.S3_BUCKET,
        "Key": key,
        "ContentType": content_type,
        "ContentLength": size_bytes,
        "Metadata": {"sha256": sha256.hex()},
        **_ONLY_ONCE[settings.S3_CONDITIONAL_WRITES],
    }
    headers = {"Content-Type": content_type, "x-amz-meta-sha256": sha256.hex()}
    if settings.S3_CONDITIONAL_WRITES:
        headers["If-None-Match"] = "*"
    if settings.S3_INTEGRITY == "sha256":
        params["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = _base64(sha256)
    url = _client().generate_presigned_url("put_object", Params=params, ExpiresIn=_seconds_until(until))
    return PresignedPut(url=_for_senders(url), headers=headers)


def presign_part(key: str, multipart_id: str, *, number: int, size_bytes: int, until: datetime) -> PresignedPut:
    """Leave to put one part of this size; it may be put again until the parts are one object."""
    url = _client().generate_presigned_url(
        "upload_part",
        Params={
            "Bucket": settings.S3_BUCKET,
            "Key": key,
            "UploadId": multipart_id,
            "PartNumber": number,
            "ContentLength": size_bytes,
        },
        ExpiresIn=_seconds_until(until),
    )
    return PresignedPut(url=_for_senders(url), headers={})


def head(key: str) -> Head:
    """Raises ObjectMissing."""
    with _failures():
        answer = _client().head_object(Bucket=settings.S3_BUCKET, Key=key)
    return Head(size_bytes=answer["ContentLength"], content_type=answer["ContentType"], etag=answer["ETag"])


def chunks(key: str) -> Iterator[bytes]:
    """The bytes of an object, piece by piece. Raises ObjectMissing before the first, StoreUnavailable at any."""
    with _failures():
        body = _client().get_object(Bucket=settings.S3_BUCKET, Key=key)["Body"]
        try:
            yield from body.iter_chunks(_CHUNK_BYTES)
        finally:
            body.close()


def download(key: str, to: Path) -> None:
    """Stream an object into a file. Raises ObjectMissing."""
    with to.open("wb") as file:
        for chunk in chunks(key):
            file.write(chunk)


def delete(key: str) -> None:
    """Remove an object; safe to repeat."""
    with _failures():
        _client().delete_object(Bucket=settings.S3_BUCKET, Key=key)


def presign_read(key: str, *, until: datetime, head: bool = False) -> str:
    """The bucket's own link to an object as it lies there; to its head alone, if that is asked for."""
    return _client().generate_presigned_url(
        "head_object" if head else "get_object",
        Params={"Bucket": settings.S3_BUCKET, "Key": key},
        ExpiresIn=_seconds_until(until),
    )


def objects(prefix: str = "") -> Iterator[Listed]:
    """All objects whose keys begin so, by key, page by page. Raises StoreUnavailable at any."""
    with _failures():
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=settings.S3_BUCKET, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", []):
                yield Listed(key=found["Key"], size_bytes=found["Size"], modified_at=found["LastModified"])


def multiparts() -> Iterator[PartsBegun]:
    """Everything that was announced in parts and neither finished nor thrown away. Raises StoreUnavailable."""
    with _failures():
        for page in _client().get_paginator("list_multipart_uploads").paginate(Bucket=settings.S3_BUCKET):
            for found in page.get("Uploads", []):
                yield PartsBegun(key=found["Key"], multipart_id=found["UploadId"], begun_at=found["Initiated"])


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
        ExpiresIn=_seconds_until(until),
    )
    return _through_cdn(link)


def _seconds_until(then: datetime) -> int:
    return max(1, int((then - clock.now()).total_seconds()))


def _for_senders(link: str) -> str:
    """The same link by the address at which those who upload reach the bucket."""
    if not settings.UPLOAD_BASE_URL:
        return link
    signed = urlsplit(link)
    return f"{settings.UPLOAD_BASE_URL}{signed.path}?{signed.query}"


def _through_cdn(link: str) -> str:
    """The same link by way of the edge, which sends it on to the bucket under the host it was signed for."""
    if not settings.CDN_BASE_URL:
        return link
    signed = urlsplit(link)
    return f"{settings.CDN_BASE_URL}{signed.path}?{signed.query}"


def _proof(body: BinaryIO, sha256: bytes | None = None) -> "Proof":
    """What the store is to check arriving bytes by, as S3_INTEGRITY says; `body` is read where it is not known yet."""
    match settings.S3_INTEGRITY:
        case "sha256":
            return {"ChecksumSHA256": _base64(sha256 or _digest(body, sha256_of()))}
        case "md5":
            return {"ContentMD5": _base64(_digest(body, md5(usedforsecurity=False)))}
        case _:
            return {}


def _digest(body: BinaryIO, hashed: "Hash") -> bytes:
    while chunk := body.read(_CHUNK_BYTES):
        hashed.update(chunk)
    body.seek(0)
    return hashed.digest()


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode()


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
