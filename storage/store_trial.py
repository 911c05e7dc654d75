"""What the checks of a bucket stand on: one trial's objects, and what a store says put into words."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import uuid4

import httpx2
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from django.conf import settings
from django.core.files.storage import storages

from storage.bucket import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Level = Literal["ok", "warning", "failed"]

PREFIX = "storage-check/"
CONTENT = b"What is written here was written to see whether it can be read.\n"
TYPE = "image/png"
TIMEOUT_SECONDS = 30

# What a store says of a header it has not heard of.
_NOT_KNOWN = frozenset({"NotImplemented", "InvalidArgument", "InvalidRequest", "MethodNotAllowed"})
_WORDS: dict[str, tuple[str, str]] = {
    "AccessDenied": ("The store does not allow it.", "Give the key the rights of docs/storage.md."),
    "403": ("The store does not allow it.", "Give the key the rights of docs/storage.md."),
    "NoSuchBucket": ("There is no such bucket.", "Create it, or correct S3_BUCKET."),
    "InvalidAccessKeyId": ("The store does not know the access key.", "Correct S3_ACCESS_KEY."),
    "SignatureDoesNotMatch": (
        "The store finds our signature wrong.",
        "Correct S3_SECRET_KEY, or a proxy changes Host or headers, or S3_CHECKSUM_MODE=when_required is wanted.",
    ),
    "AuthorizationHeaderMalformed": ("The store wants another region.", "Correct S3_REGION."),
    "PermanentRedirect": ("The bucket is in another region or at another address.", "Correct S3_REGION."),
    "301": ("The bucket is in another region or at another address.", "Correct S3_REGION or S3_ENDPOINT_URL."),
    "RequestTimeTooSkewed": ("Our clock is too far from the store's.", "Run a time service on this machine."),
    "SlowDown": ("The store is asked too often.", "Wait, and ask for more throughput."),
    "ServiceUnavailable": ("The store is out of order (503).", "Try again; look at the store."),
    "InternalError": ("The store is out of order (500).", "Try again; look at the store."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check found, in words, and what to do about it."""

    name: str
    level: Level
    detail: str
    advice: str = ""


class Wrong(Exception):
    """What a check found wrong."""

    def __init__(self, level: Level, detail: str, advice: str = "") -> None:
        super().__init__(detail)
        self.level = level
        self.detail = detail
        self.advice = advice


class Trial:
    """A client, and the objects that this run has written."""

    def __init__(self) -> None:
        self.client = cast("S3Client", cast("Bucket", storages["default"]).connection.meta.client)
        self.prefix = f"{PREFIX}{uuid4()}/"
        self.object = self.key("object")
        self.parts: list[tuple[str, str]] = []

    def key(self, name: str) -> str:
        return self.prefix + name

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation on the bucket; its headers are in `ResponseMetadata`."""
        answer: dict[str, Any] = getattr(self.client, operation)(Bucket=settings.S3_BUCKET, **parameters)
        return answer

    def link(self, *, seconds: int = 60, **parameters: Any) -> str:
        """A signed link at the bucket's own address."""
        named = {"Bucket": settings.S3_BUCKET, "Key": self.object} | parameters
        return self.client.generate_presigned_url("get_object", Params=named, ExpiresIn=seconds)

    def begin_parts(self, name: str) -> tuple[str, str]:
        checked = {"ChecksumAlgorithm": "SHA256"} if settings.S3_INTEGRITY == "sha256" else {}
        key = self.key(name)
        begun = (key, self.ask("create_multipart_upload", Key=key, ContentType=TYPE, **checked)["UploadId"])
        self.parts.append(begun)
        return begun

    def tidy(self) -> None:
        """Take back everything; safe to repeat."""
        for key, multipart_id in self.parts:
            with suppress(ClientError):
                self.ask("abort_multipart_upload", Key=key, UploadId=multipart_id)
        for listed in self.ask("list_objects_v2", Prefix=self.prefix).get("Contents", []):
            self.ask("delete_object", Key=listed["Key"])


def result(name: str, check: "Callable[[Trial], str]", trial: Trial) -> Result:
    """Make one check; whatever it meets is a result."""
    try:
        return Result(name=name, level="ok", detail=check(trial))
    except Wrong as wrong:
        return Result(name=name, level=wrong.level, detail=wrong.detail, advice=wrong.advice)
    except ClientError as error:
        detail, advice = _in_words(error)
        return Result(name=name, level="failed", detail=detail, advice=advice)
    except (BotoCoreError, httpx2.HTTPError) as error:
        detail, advice = _unreached(error)
        return Result(name=name, level="failed", detail=detail, advice=advice)


def _in_words(error: ClientError) -> tuple[str, str]:
    code, status = code_of(error), _status(error)
    if code in _WORDS:
        return _WORDS[code]
    if status >= HTTPStatus.NOT_IMPLEMENTED and code != "NotImplemented":
        return f"The store is out of order ({status}).", "Try again; look at the store."
    if code in _NOT_KNOWN:
        return (
            f"The store does not know what {error.operation_name} was asked with ({code}: {_message(error)}).",
            "Set S3_CONDITIONAL_WRITES=false or S3_INTEGRITY=md5 (docs/storage.md has the lines for each store).",
        )
    return f"{error.operation_name} is refused by {status} {code}: {_message(error)}", ""


def _unreached(error: Exception) -> tuple[str, str]:
    match error:
        case NoCredentialsError():
            return "There are no credentials.", "Set S3_ACCESS_KEY and S3_SECRET_KEY, or give this machine a role."
        case SSLError():
            return f"The store's certificate is not good: {error}", "Correct S3_ENDPOINT_URL or install its authority."
        case EndpointConnectionError() | ConnectTimeoutError() | httpx2.ConnectError():
            return "Nothing answers at the store's address.", "Correct S3_ENDPOINT_URL; is it reachable from here?"
        case ReadTimeoutError() | httpx2.TimeoutException():
            return "The store did not answer in time.", "It hangs or is overloaded: look at the store."
    return f"The connection broke: {error}", "Look at the store and at what is between."


def is_refused(trial: Trial, operation: str = "put_object", **parameters: Any) -> bool:
    """Whether the store says no to a write as such; that it does not know the header is for `_result` to say."""
    try:
        trial.ask(operation, **parameters)
    except ClientError as error:
        if code_of(error) in _NOT_KNOWN or _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return True
    return False


def get(url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    return httpx2.get(url, headers={"Accept-Encoding": "identity", **(headers or {})}, timeout=TIMEOUT_SECONDS)


def said(answer: httpx2.Response) -> str:
    return " ".join(answer.text.split())[:200]


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _message(error: ClientError) -> str:
    return error.response["Error"].get("Message", "")[:200]


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
