"""Does this bucket do what we ask of it: everything is tried for real, and what is wrong is said in words.

Objects are written below `storage-check/` and deleted again. A failure means that the product would not work or not
be safe; a warning, that something is missed which we make up for or which costs money.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from hashlib import md5, sha256
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.checks import ERROR

from core import clock
from storage import object_store
from storage.checks import check_bucket_settings
from storage.object_store import PART_BYTES, ObjectMissing
from storage.store_trial import (
    CONTENT,
    PREFIX,
    TIMEOUT_SECONDS,
    TYPE,
    Level,
    Result,
    Trial,
    Wrong,
    code_of,
    get,
    is_refused,
    result,
    said,
)

# Beyond this the store refuses our signatures; S3 allows fifteen minutes.
_SKEW_WARNED, _SKEW_MAX = timedelta(seconds=30), timedelta(minutes=10)
_EXPIRY_SECONDS = 6
_SEES_AGAIN = "An upload is read back before it counts, so nothing wrong comes in; it is only found later."


def run() -> Iterator[Result]:
    """One result after the other; those that need a bucket that answers are left out where it does not."""
    of_settings = list(_of_settings())
    yield from of_settings
    if any(found.level == "failed" for found in of_settings):
        return
    trial = Trial()
    for name, check in _FIRST.items():
        first = result(name, check, trial)
        yield first
        if first.level == "failed":
            return
    try:
        for name, check in _CHECKS.items():
            yield result(name, check, trial)
    finally:
        with suppress(ClientError, BotoCoreError):
            trial.tidy()
    yield result("delete", _delete, trial)


def _of_settings() -> Iterator[Result]:
    is_well = True
    for message in check_bucket_settings(None):
        is_well = False
        level: Level = "failed" if message.level >= ERROR else "warning"
        yield Result(name="settings", level=level, detail=message.msg, advice=message.hint or "")
    for name in ("S3_ENDPOINT_URL", "CDN_BASE_URL", "UPLOAD_BASE_URL"):
        address = urlsplit(getattr(settings, name) or "")
        if address.scheme == "http" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
            is_well = False
            detail = f"{name} is not https: links and bytes can be read on the way."
            yield Result(name="settings", level="warning", detail=detail, advice="Use https outside a private network.")
    if is_well:
        where = settings.S3_ENDPOINT_URL or "AWS"
        yield Result(name="settings", level="ok", detail=f"Bucket {settings.S3_BUCKET} at {where}.")


# --- reach it --------------------------------------------------------------------------------------------------------


def _reach(trial: Trial) -> str:
    began = time.monotonic()
    answer = trial.ask("list_objects_v2", Prefix=PREFIX, MaxKeys=1)
    trial.ask("list_objects_v2", Prefix=PREFIX, MaxKeys=1)
    seconds = (time.monotonic() - began) / 2
    _check_clock(answer["ResponseMetadata"]["HTTPHeaders"].get("date"))
    if seconds > 1:
        raise Wrong("warning", f"The bucket answers, in {seconds:.1f} s.", "It is far away or overloaded.")
    return f"The bucket answers, in {seconds * 1000:.0f} ms; our clock agrees with the store's."


def _check_clock(date: str | None) -> None:
    if date is None:
        return
    skew = abs(parsedate_to_datetime(date) - clock.now())
    if skew > _SKEW_WARNED:
        level: Level = "failed" if skew > _SKEW_MAX else "warning"
        detail = f"Our clock and the store's are {skew.total_seconds():.0f} s apart: links end early or are refused."
        raise Wrong(level, detail, "Run a time service (chrony, systemd-timesyncd) on this machine.")


def _put(trial: Trial) -> str:
    proof = _proof(CONTENT)
    condition = {"IfNoneMatch": "*"} if settings.S3_CONDITIONAL_WRITES else {}
    metadata = {"sha256": sha256(CONTENT).hexdigest()}
    trial.ask("put_object", Key=trial.object, Body=CONTENT, ContentType=TYPE, Metadata=metadata, **proof, **condition)
    return "An object is taken with its type, its metadata, its hash and the condition that none is there."


def _proof(content: bytes) -> dict[str, str]:
    """The hash as S3_INTEGRITY says."""
    match settings.S3_INTEGRITY:
        case "sha256":
            return {"ChecksumSHA256": b64encode(sha256(content).digest()).decode()}
        case "md5":
            return {"ContentMD5": b64encode(md5(content, usedforsecurity=False).digest()).decode()}
        case _:
            return {}


# --- what it does with bytes -----------------------------------------------------------------------------------------


def _head(trial: Trial) -> str:
    head = trial.ask("head_object", Key=trial.object)
    told = (head["ContentLength"], head["ContentType"], head["Metadata"].get("sha256"))
    if told != (len(CONTENT), TYPE, sha256(CONTENT).hexdigest()):
        raise Wrong("failed", f"The store tells of another size, type or metadata than was written: {told}.")
    if head["ETag"].startswith("W/"):
        raise Wrong("warning", "The store's ETags are weak, so a download cannot be resumed by them.")
    return "Size, type, metadata and ETag come back as they were written."


def _overwrite(trial: Trial) -> str:
    if not settings.S3_CONDITIONAL_WRITES:
        return "Not asked for: S3_CONDITIONAL_WRITES is off, and our keys are never used twice."
    if is_refused(trial, Key=trial.object, Body=b"other", IfNoneMatch="*"):
        return "An object that is there is not overwritten."
    raise Wrong(
        "warning",
        "The store overwrites an object in spite of `If-None-Match: *`.",
        "Set S3_CONDITIONAL_WRITES=false, so that nobody relies on it; our keys are random and never used twice.",
    )


def _wrong_hash(trial: Trial) -> str:
    if settings.S3_INTEGRITY == "none":
        raise Wrong("warning", "S3_INTEGRITY is none: bytes damaged on the way are stored.", _try("sha256"))
    if is_refused(trial, Key=trial.key("damaged"), Body=b"damaged", **_proof(b"undamaged")):
        return f"Bytes that do not fit their hash ({settings.S3_INTEGRITY}) are refused."
    other = "md5" if settings.S3_INTEGRITY == "sha256" else "sha256"
    raise Wrong("failed", "The store takes bytes that do not fit the hash sent with them.", _try(other))


def _try(other: str) -> str:
    return f"Try S3_INTEGRITY={other} and run this again."


def _multipart(trial: Trial) -> str:
    first, last = b"\0" * PART_BYTES, b"last"
    key, multipart_id = trial.begin_parts("parts")
    part = {"Key": key, "UploadId": multipart_id}
    takes_damaged = settings.S3_INTEGRITY != "none" and not is_refused(
        trial, "upload_part", **part, PartNumber=1, Body=b"damaged", **_proof(b"undamaged")
    )
    named = []
    for number, body in enumerate((first, last), start=1):
        proof = _proof(body)
        sent = trial.ask("upload_part", **part, PartNumber=number, Body=body, **proof)
        hashes = {"ChecksumSHA256": proof["ChecksumSHA256"]} if "ChecksumSHA256" in proof else {}
        named.append({"PartNumber": number, "ETag": sent["ETag"], **hashes})
    trial.ask("complete_multipart_upload", **part, MultipartUpload={"Parts": named})
    size = trial.ask("head_object", Key=key)["ContentLength"]
    if size != PART_BYTES + len(last):
        raise Wrong("failed", f"An object of {PART_BYTES + len(last)} bytes in two parts has {size}.")
    if takes_damaged:
        detail = "The store takes a part that does not fit its hash."
        raise Wrong("warning", detail, _SEES_AGAIN)
    return "An object comes in parts, and a damaged part is refused."


def _leftovers(trial: Trial) -> str:
    key, multipart_id = trial.begin_parts("begun")
    trial.ask("upload_part", Key=key, UploadId=multipart_id, PartNumber=1, Body=b"x")
    listed = {upload["UploadId"] for upload in trial.ask("list_multipart_uploads", Prefix=key).get("Uploads", [])}
    trial.ask("abort_multipart_upload", Key=key, UploadId=multipart_id)
    if multipart_id not in listed:
        raise Wrong(
            "warning",
            "The store does not list uploads that were begun, so leftovers cannot be found by us.",
            "Apply the lifecycle rule of docs/storage.md.",
        )
    return "Parts of an upload that is not finished are listed and can be thrown away."


def _ranges(trial: Trial) -> str:
    for asked, expected in (("bytes=0-9", CONTENT[:10]), ("bytes=-5", CONTENT[-5:]), ("bytes=10-", CONTENT[10:])):
        answer = trial.ask("get_object", Key=trial.object, Range=asked)
        if answer["Body"].read() != expected:
            detail = f"Asked for {asked} the store sends something else: videos and downloads cannot be resumed."
            raise Wrong("failed", detail, "This store cannot be used.")
    beyond = get(trial.link(), {"Range": f"bytes={len(CONTENT)}-"}).status_code
    if beyond != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise Wrong("warning", f"A range beyond the end is answered by {beyond}, not by 416.")
    return "Ranges from the start, to the end and of the last bytes; 416 beyond."


def _conditions(trial: Trial) -> str:
    etag = trial.ask("head_object", Key=trial.object)["ETag"]
    same = get(trial.link(), {"If-None-Match": etag}).status_code
    other = get(trial.link(), {"If-Match": '"other"'}).status_code
    if (same, other) == (HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED):
        return "What a reader has already is not sent again (304), and a changed object is told (412)."
    detail = f"If-None-Match is answered by {same} instead of 304, If-Match of another by {other} instead of 412."
    raise Wrong("warning", detail, "Readers fetch again what they have.")


# --- who may ---------------------------------------------------------------------------------------------------------


def _signed_link(trial: Trial) -> str:
    link = trial.link(ResponseContentType="text/plain", ResponseContentDisposition='attachment; filename="a.txt"')
    answer = get(link)
    if answer.status_code != HTTPStatus.OK or answer.content != CONTENT:
        detail = f"A signed link is answered by {answer.status_code}: {said(answer)}"
        raise Wrong("failed", detail, "Is S3_ENDPOINT_URL, S3_REGION or S3_ADDRESSING_STYLE what the store wants?")
    if answer.headers.get("content-type") != "text/plain" or "attachment" not in answer.headers.get(
        "content-disposition", ""
    ):
        raise Wrong("failed", "The store ignores which type and name a signed link says, so a page could run there.")
    tampered = get(link.replace("a.txt", "b.txt")).status_code
    if tampered < HTTPStatus.BAD_REQUEST:
        raise Wrong("failed", "A signed link that was changed still works.", "This store cannot be used.")
    short = trial.link(seconds=1)
    deadline = time.monotonic() + _EXPIRY_SECONDS
    while get(short).status_code < HTTPStatus.BAD_REQUEST:
        if time.monotonic() > deadline:
            raise Wrong("failed", "A signed link works after its end.", "This store cannot be used for private media.")
        time.sleep(0.5)
    return "Signed links work, and neither when changed nor after their end."


def _signed_upload(trial: Trial) -> str:
    answer = _send(trial, "uploaded", CONTENT)
    if answer >= HTTPStatus.BAD_REQUEST:
        detail = f"A presigned upload is answered by {answer}."
        raise Wrong("failed", detail, "Set S3_INTEGRITY or S3_CONDITIONAL_WRITES to what the store takes.")
    tries = {
        "of another size": _send(trial, "longer", CONTENT + b"more"),
        "of another type": _send(trial, "typed", CONTENT, {"Content-Type": "text/html"}),
        "of other bytes": _send(trial, "other", CONTENT[::-1]),
    }
    taken = [what for what, status in tries.items() if status < HTTPStatus.BAD_REQUEST]
    if taken:
        raise Wrong("warning", f"A presigned upload {' and '.join(taken)} than promised is taken.", _SEES_AGAIN)
    return "A presigned upload is bound to its size, type and hash."


def _send(trial: Trial, name: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send bytes by an address that was signed for `CONTENT`; the status of the answer."""
    promised = object_store.presign_put(
        trial.key(name),
        content_type=TYPE,
        size_bytes=len(CONTENT),
        sha256=sha256(CONTENT).digest(),
        until=clock.now() + timedelta(seconds=60),
    )
    all_headers = {**promised.headers, **(headers or {})}
    return httpx2.put(promised.url, content=body, headers=all_headers, timeout=TIMEOUT_SECONDS).status_code


def _strangers(trial: Trial) -> str:
    address = urlsplit(trial.link())._replace(query="").geturl()
    folder = address.rpartition(trial.object)[0] + "?list-type=2"
    for what, asked in (("read an object", address), ("list the bucket", folder)):
        if get(asked).status_code < HTTPStatus.BAD_REQUEST:
            raise Wrong("failed", f"Anybody may {what} without a signature.", "Block public access to the bucket.")
    return "Without a signature nothing is read or listed."


def _cdn(trial: Trial) -> str:
    if not settings.CDN_BASE_URL:
        return "There is none: readers are sent to the bucket itself."
    link = object_store.presign_get(
        trial.object, until=clock.now() + timedelta(seconds=60), content_type=TYPE, disposition="inline"
    )
    advice = "The CDN must pass path and query on as they are, and the bucket's own name as Host (docs/storage.md)."
    try:
        answer = get(link, {"Range": "bytes=0-9"})
    except httpx2.HTTPError as error:
        raise Wrong("failed", f"CDN_BASE_URL cannot be reached: {error}.", advice) from None
    if answer.status_code == HTTPStatus.OK:
        raise Wrong("warning", "The CDN sends everything where a range was asked for.", advice)
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT or answer.content != CONTENT[:10]:
        raise Wrong("failed", f"By way of the CDN a link is answered by {answer.status_code}: {said(answer)}", advice)
    return "Links work by way of CDN_BASE_URL, ranges too."


def _cors(trial: Trial) -> str:
    promised = object_store.presign_put(
        trial.key("cors"),
        content_type=TYPE,
        size_bytes=1,
        sha256=sha256(b"x").digest(),
        until=clock.now() + timedelta(seconds=60),
    )
    target = urlsplit(promised.url)
    origins = {_origin(settings.BASE_URL), *settings.CORS_ALLOWED_ORIGINS} - {f"{target.scheme}://{target.netloc}"}
    refused = [origin for origin in sorted(origins) if not _may_send(promised.url, origin, promised.headers)]
    if refused:
        detail = f"Pages of {', '.join(refused)} may not upload to the bucket from a browser."
        raise Wrong("warning", detail, "Apply the CORS rules of docs/storage.md with these origins.")
    return "Our pages and frontends may upload from a browser."


def _may_send(url: str, origin: str, headers: Iterable[str]) -> bool:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": ",".join(sorted(name.lower() for name in headers)),
    }
    answer = httpx2.options(url, headers=asked, timeout=TIMEOUT_SECONDS)
    allowed = answer.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-methods", "")
    return answer.is_success and allowed[0] in {"*", origin} and "PUT" in allowed[1]


def _origin(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


# --- what it costs ---------------------------------------------------------------------------------------------------


def _lifecycle(trial: Trial) -> str:
    advice = "Apply the lifecycle rule of docs/storage.md; reconcile_storage throws leftovers away daily too."
    try:
        rules = trial.ask("get_bucket_lifecycle_configuration").get("Rules", [])
    except ClientError as error:
        if code_of(error) == "NoSuchLifecycleConfiguration":
            raise Wrong("warning", "No lifecycle rule ends uploads that were begun and left.", advice) from None
        raise Wrong("warning", f"The lifecycle rules cannot be read ({code_of(error)}).", advice) from None
    for rule in rules:
        if rule["Status"] != "Enabled":
            continue
        if "Expiration" in rule and not rule.get("Filter", {}).get("Prefix", rule.get("Prefix")):
            raise Wrong("failed", "A lifecycle rule deletes objects by age: assets would lose their bytes.")
    if any("AbortIncompleteMultipartUpload" in rule and rule["Status"] == "Enabled" for rule in rules):
        return "Uploads that were begun and left are ended by a rule of the bucket."
    raise Wrong("warning", "No lifecycle rule ends uploads that were begun and left.", advice)


def _versions(trial: Trial) -> str:
    try:
        status = trial.ask("get_bucket_versioning").get("Status")
    except ClientError as error:
        return f"The store does not tell of versions ({code_of(error)})."
    if status == "Enabled":
        raise Wrong(
            "warning",
            "The bucket keeps old versions: what is deleted stays, and is paid for.",
            "Add a lifecycle rule with NoncurrentVersionExpiration (docs/storage.md).",
        )
    return "What is deleted is gone."


def _delete(trial: Trial) -> str:
    object_store.delete(trial.object)
    object_store.delete(trial.object)
    with suppress(ObjectMissing):
        object_store.head(trial.object)
        raise Wrong("failed", "An object that was deleted is still there.")
    left = trial.ask("list_objects_v2", Prefix=trial.prefix).get("Contents", [])
    if left:
        raise Wrong("warning", f"{len(left)} objects of this check are left below {trial.prefix}.", "Delete them.")
    return "Objects are deleted, twice without complaint; nothing of this check is left."


_FIRST: dict[str, Callable[[Trial], str]] = {"reach": _reach, "put": _put}
_CHECKS: dict[str, Callable[[Trial], str]] = {
    "head": _head,
    "overwrite": _overwrite,
    "wrong hash": _wrong_hash,
    "multipart": _multipart,
    "leftovers": _leftovers,
    "ranges": _ranges,
    "conditions": _conditions,
    "signed link": _signed_link,
    "signed upload": _signed_upload,
    "strangers": _strangers,
    "cdn": _cdn,
    "cors": _cors,
    "lifecycle": _lifecycle,
    "versions": _versions,
}
