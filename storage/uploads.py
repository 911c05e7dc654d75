"""Bytes that customers bring: in one request, from an address on the web, or put into the bucket by themselves.

An upload by presigned address is promised here, put there by the client (in parts where it is large), and completed:
its asset is pending until the bytes were read back, hashed and decoded like any others. Whatever way they came, no
asset is ready before its bytes are whole and are what they should be.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.http import parse_header_parameters

from accounts.models import Organization
from accounts.principal import Principal
from core import clock, doorbell, idempotency, outbound
from core.problems import Refusal
from storage import assets, blobs, forms, object_store
from storage.blobs import ABANDONED_AFTER, PUT_LIFETIME
from storage.exceptions import (
    AssetNotFound,
    ContentRefused,
    DamagedUpload,
    StoreUnavailable,
    TooManyUploads,
    UnsupportedUpload,
    UploadIncomplete,
    UploadTooLarge,
)
from storage.incoming import Arrived, Incoming, Spool, on_disk, receive, spool
from storage.inspection import Inspected, Kind
from storage.models import Asset, Blob, Upload
from storage.object_store import ObjectMissing, Part, PresignedPut

log = structlog.get_logger(__name__)
State = Upload.State

FORM_TYPE = "multipart/form-data"
RAW_TYPES = ("image/", "audio/", "text/plain", "application/octet-stream")
# What a promised upload may say it is; the bytes decide in the end.
KINDS: dict[str, Kind] = {
    "image/png": "image",
    "image/jpeg": "image",
    "image/webp": "image",
    "image/gif": "image",
    "image/avif": "image",
    "audio/wav": "audio",
    "audio/x-wav": "audio",
    "audio/mpeg": "audio",
    "audio/mp3": "audio",
    "audio/flac": "audio",
    "audio/x-flac": "audio",
    "audio/ogg": "audio",
    "audio/mp4": "audio",
    "audio/x-m4a": "audio",
    "application/json": "json",
    "text/plain": "text",
}
_PARTS_MAX = 1_000
# Looked at in the request that completes it; more takes a while and is done in `media`.
_CHECKED_AT_ONCE_BYTES = 16 * 1024**2
_LIFETIME = timedelta(hours=24)
_CHECK_AGAIN_AFTER = timedelta(minutes=5)
_NEVER_CHECKED = "never_checked"
_CHECK_TASK = "storage.tasks.check_upload"
_SWEPT_AT_ONCE = 500
_ROUTE = "POST /v1/assets"
_PROMISE_ROUTE = "POST /v1/uploads"
# What a form adds around its file.
_ENVELOPE_BYTES = 16 * 1024


# --- in one request ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A whole body, in a file that lives as long as the block of `receive_body`."""

    incoming: Incoming
    filename: str
    # What an idempotency key is compared by.
    asked_sha256: bytes


@contextmanager
def receive_body(
    organization_id: UUID, chunks: Iterable[bytes], *, content_type: str, declared_bytes: int | None
) -> Iterator[Received]:
    """Read a body that is a form with a file, or the file itself; never more of it than is allowed.

    Raises UnsupportedUpload and UploadTooLarge (where the declared length tells) before anything is read, and
    MalformedUpload, UploadTooLarge, UploadInterrupted or StoreUnavailable while it is.
    """
    media_type, parameters = parse_header_parameters(content_type)
    if media_type != FORM_TYPE and not media_type.startswith(RAW_TYPES):
        raise UnsupportedUpload
    if declared_bytes is not None and declared_bytes > settings.UPLOAD_MAX_BYTES + _ENVELOPE_BYTES:
        raise UploadTooLarge(max_bytes=settings.UPLOAD_MAX_BYTES)
    with receive(organization_id, max_bytes=settings.UPLOAD_MAX_BYTES) as incoming:
        filename = ""
        if media_type == FORM_TYPE:
            filename = forms.read_file(chunks, parameters.get("boundary", ""), incoming.write)
        else:
            for chunk in chunks:
                incoming.write(chunk)
        incoming.finish()
        yield Received(incoming=incoming, filename=filename, asked_sha256=incoming.sha256)


def keep(principal: Principal, received: Received, *, key: str | None) -> tuple[Asset, bool]:
    """The asset of an upload, and whether an earlier request with this idempotency key had made it.

    Raises ContentRefused, StoreUnavailable, IdempotencyMismatch, IdempotencyInProgress, or AssetNotFound where the
    key's asset was deleted since.
    """
    asked = received.asked_sha256
    earlier = _earlier(principal, asked, key)
    if earlier:
        return earlier, True
    inspected = assets.examined(received.incoming.path, None)
    asset = Asset(
        organization_id=principal.organization_id,
        user_id=principal.user_id,
        kind=inspected.kind,
        status=Asset.Status.READY,
        filename=received.filename,
    )
    return assets.keep(asset, received.incoming, inspected, within=lambda kept: _remember(kept, asked, key)), False


def keep_from(principal: Principal, url: str, *, key: str | None) -> tuple[Asset, bool]:
    """The asset of what lies at an address of the public web, and whether this idempotency key had made it before.

    Raises what `keep` does, AddressRefused and FetchFailed (core.outbound), UploadTooLarge.
    """
    asked = idempotency.body_sha256(url.encode())
    earlier = _earlier(principal, asked, key)
    if earlier:
        return earlier, True
    with (
        receive(principal.organization_id, max_bytes=settings.UPLOAD_MAX_BYTES) as incoming,
        outbound.fetch(url, max_bytes=settings.UPLOAD_MAX_BYTES, seconds=settings.FETCH_SECONDS) as found,
    ):
        for chunk in found.chunks:
            incoming.write(chunk)
        incoming.finish()
        filename = forms.plain_name(unquote(urlsplit(url).path))
        return keep(principal, Received(incoming=incoming, filename=filename, asked_sha256=asked), key=key)


# --- by presigned address ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedPart:
    """One part of an upload: where to put it, and whether it is there already."""

    number: int
    size_bytes: int
    put: PresignedPut
    has_arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the bytes of an open upload go: one PUT, or parts in any order and any number of times."""

    until: datetime
    put: PresignedPut | None = None
    parts: Sequence[PromisedPart] = ()


def promise(
    principal: Principal,
    *,
    filename: str,
    content_type: str,
    size_bytes: int,
    sha256: bytes | None,
    body_sha256: bytes,
    key: str | None,
) -> tuple[Upload, bool]:
    """An open upload for bytes of this size and type, and whether this idempotency key had opened it before.

    The hash is needed for what goes in one PUT, and is compared in the end wherever it is given. `body_sha256` is
    the request's, for the key. Raises UnsupportedUpload, UploadTooLarge, TooManyUploads, StoreUnavailable,
    IdempotencyMismatch, IdempotencyInProgress.
    """
    if key and (record := idempotency.find(principal.organization_id, _PROMISE_ROUTE, key)):
        idempotency.check_same(record, body_sha256)
        return Upload.objects.get(pk=record.resource_id), True
    if content_type not in KINDS:
        raise UnsupportedUpload
    if size_bytes > settings.UPLOAD_MAX_BYTES:
        raise UploadTooLarge(max_bytes=settings.UPLOAD_MAX_BYTES)
    _require_room(principal.organization_id)
    blob = blobs.promise(principal.organization_id, content_type=content_type, size_bytes=size_bytes, sha256=sha256)
    part_bytes = 0
    if size_bytes > settings.UPLOAD_SINGLE_MAX_BYTES:
        part_bytes = max(settings.UPLOAD_PART_BYTES, ceil(size_bytes / _PARTS_MAX))
        blobs.comes_in_parts(blob, object_store.begin_parts(blob.object_key, content_type=content_type, sha256=sha256))
    try:
        with transaction.atomic(durable=True):
            # Who opens another at once waits here, and counts this one too.
            Organization.objects.select_for_update(no_key=True).get(pk=principal.organization_id)
            _require_room(principal.organization_id)
            upload = Upload.objects.create(
                organization_id=principal.organization_id,
                user_id=principal.user_id,
                kind=KINDS[content_type],
                filename=filename,
                content_type=content_type,
                size_bytes=size_bytes,
                sha256=sha256,
                part_bytes=part_bytes,
                blob=blob,
                expires_at=clock.now() + _LIFETIME,
            )
            if key:
                idempotency.record(
                    organization_id=principal.organization_id,
                    route=_PROMISE_ROUTE,
                    key=key,
                    body=body_sha256,
                    status_code=201,
                    resource_id=upload.pk,
                )
    except Refusal:
        blobs.discard(blob)
        raise
    return upload, False


def find(organization_id: UUID, upload_id: UUID) -> Upload | None:
    """The organization's upload, with its asset and the blob that is promised."""
    mine = Upload.objects.filter(organization_id=organization_id).select_related("blob", "asset__blob")
    return mine.filter(pk=upload_id).first()


def addresses(upload: Upload) -> Addresses | None:
    """Where its bytes go, signed now, with the parts that have arrived; None unless it is open.

    Asking again is how a broken upload goes on. Raises StoreUnavailable.
    """
    blob = upload.blob
    if not _is_open(upload) or blob is None:
        return None
    until = min(clock.now() + PUT_LIFETIME, upload.expires_at)
    if not upload.part_bytes:
        put = object_store.presign_put(
            blob.object_key,
            content_type=upload.content_type,
            size_bytes=upload.size_bytes,
            sha256=bytes(upload.sha256 or b""),
            until=until,
        )
        return Addresses(until=until, put=put)
    arrived = {part.number: part.size_bytes for part in _arrived(blob)}
    parts = [
        PromisedPart(
            number=number,
            size_bytes=size_bytes,
            has_arrived=arrived.get(number) == size_bytes,
            put=object_store.presign_part(
                blob.object_key, blob.multipart_id, number=number, size_bytes=size_bytes, until=until
            ),
        )
        for number, size_bytes in _part_sizes(upload)
    ]
    return Addresses(until=until, parts=parts)


def complete(organization_id: UUID, upload_id: UUID) -> Asset:
    """Take the bytes as they lie in the bucket; the asset is ready or rejected at once if they are few, else pending.

    Safe to repeat: a completed upload keeps its asset. Raises AssetNotFound where there is no such upload, it has
    expired or its asset is gone, UploadIncomplete while bytes are missing (it stays open), StoreUnavailable.
    """
    upload = find(organization_id, upload_id)
    if upload is None:
        raise AssetNotFound("There is no such upload.")
    if upload.asset is None:
        if not _is_open(upload) or upload.blob is None:
            raise AssetNotFound("The upload has expired; begin anew.")
        _make_whole(upload, upload.blob)
        upload = _begin_check(upload)
        if upload.size_bytes <= _CHECKED_AT_ONCE_BYTES:
            check(upload.pk)
        else:
            doorbell.ring_media(_CHECK_TASK, str(upload.pk))
    assert upload.asset
    asset = Asset.objects.unexpired().with_bytes().filter(pk=upload.asset.pk).first()
    if asset is None:
        raise AssetNotFound
    return asset


def check(upload_id: UUID) -> None:
    """Read a completed upload back, hash and decode it, and make its asset ready or rejected.

    Safe to repeat and to run twice at once. A bucket that is away leaves it for the sweep.
    """
    upload = Upload.objects.select_related("blob", "asset").get(pk=upload_id)
    if upload.state != State.CHECKING or upload.blob is None or upload.asset is None:
        return
    try:
        with spool(upload.size_bytes) as read:
            for chunk in object_store.chunks(upload.blob.object_key):
                read.write(chunk)
            read.finish()
            if upload.sha256 is not None and bytes(upload.sha256) != read.sha256:
                raise DamagedUpload
            inspected = assets.examined(read.path, cast("Kind", upload.kind))
            upload.asset.status = Asset.Status.READY
            with _whole(upload, upload.blob, read) as whole:
                assets.keep(upload.asset, whole, inspected, within=lambda _: _end_check(upload, State.READY))
    except (ContentRefused, UploadTooLarge, ObjectMissing) as refusal:
        log.info("upload.rejected", uploadId=str(upload.pk), errorCode=getattr(refusal, "code", "object_missing"))
        _reject(upload, getattr(refusal, "code", "object_missing"))
    except _AlreadyChecked:
        return
    except StoreUnavailable:
        log.warning("upload.check_put_off", uploadId=str(upload.pk), exc_info=True)
        return
    # What lost against a living blob of the same bytes, or is no asset at all, goes.
    blobs.discard(upload.blob)


def sweep() -> int:
    """Give up uploads that were never completed, and check those again whose check was lost; returns how many.

    One that could not be checked for a day, because the bucket or `media` was away, is rejected: it can be sent again.
    """
    due = Upload.objects.filter(expires_at__lte=Now())
    abandoned = list(due.filter(state=State.OPEN).select_related("blob")[:_SWEPT_AT_ONCE])
    for upload in abandoned:
        if Upload.objects.filter(pk=upload.pk, state=State.OPEN).update(state=State.ABANDONED) and upload.blob:
            blobs.discard(upload.blob)
    lost = list(due.filter(state=State.CHECKING).select_related("asset", "blob")[:_SWEPT_AT_ONCE])
    for upload in lost:
        if upload.asset and upload.asset.created_at < clock.now() - ABANDONED_AFTER:
            _reject(upload, _NEVER_CHECKED)
            if upload.blob:
                blobs.discard(upload.blob)
            continue
        Upload.objects.filter(pk=upload.pk).update(expires_at=clock.now() + _CHECK_AGAIN_AFTER)
        doorbell.ring_media(_CHECK_TASK, str(upload.pk))
    return len(abandoned) + len(lost)


class _AlreadyChecked(Exception):
    """Somebody else ended the check meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landed:
    """Bytes that a client put where they are to stay."""

    path: Path
    sha256: bytes
    size_bytes: int
    blob: Blob

    def place(self, inspected: Inspected) -> Blob:
        blobs.describe(self.blob, blobs.facts(self, inspected))
        return self.blob


@contextmanager
def _whole(upload: Upload, blob: Blob, read: Spool) -> Iterator[Arrived]:
    """The bytes that were looked at, where nobody can change them any more.

    A store that takes neither a hash nor a condition lets the presigned PUT, which ends in an hour, put other bytes of
    this size under its key again. There what was read is stored anew under a key that nobody was told.
    """
    if upload.part_bytes or settings.S3_CONDITIONAL_WRITES or settings.S3_INTEGRITY == "sha256":
        yield _Landed(path=read.path, sha256=read.sha256, size_bytes=read.size_bytes, blob=blob)
        return
    with on_disk(upload.organization_id, read.path) as copied:
        yield copied


def _require_room(organization_id: UUID) -> None:
    mine = Upload.objects.filter(organization_id=organization_id, state=State.OPEN)
    if mine.count() >= settings.UPLOADS_OPEN_MAX:
        raise TooManyUploads(max_open=settings.UPLOADS_OPEN_MAX)


def _is_open(upload: Upload) -> bool:
    return upload.state == State.OPEN and upload.expires_at > clock.now()


def _part_sizes(upload: Upload) -> Iterator[tuple[int, int]]:
    count = ceil(upload.size_bytes / upload.part_bytes)
    for number in range(1, count):
        yield number, upload.part_bytes
    yield count, upload.size_bytes - (count - 1) * upload.part_bytes


def _arrived(blob: Blob) -> list[Part]:
    try:
        return object_store.parts(blob.object_key, blob.multipart_id)
    except ObjectMissing:
        return []


def _make_whole(upload: Upload, blob: Blob) -> None:
    """Make one object of the parts, and see that it has the size that was promised."""
    try:
        if upload.part_bytes:
            arrived = {part.number: part for part in object_store.parts(blob.object_key, blob.multipart_id)}
            wanted = dict(_part_sizes(upload))
            missing = [
                number for number, size in wanted.items() if number not in arrived or arrived[number].size_bytes != size
            ]
            if missing:
                raise UploadIncomplete(missing_parts=missing[:100])
            object_store.finish_parts(blob.object_key, blob.multipart_id, [arrived[number] for number in wanted])
    except ObjectMissing:
        # The parts became an object before, and our answer was lost.
        pass
    try:
        size_bytes = object_store.head(blob.object_key).size_bytes
    except ObjectMissing:
        raise UploadIncomplete from None
    if size_bytes != upload.size_bytes:
        raise UploadIncomplete


@transaction.atomic(durable=True)
def _begin_check(upload: Upload) -> Upload:
    """Give the upload its pending asset, once."""
    # Not joined: whoever waited for the lock would see the new row beside the old sight of its asset.
    locked = Upload.objects.select_for_update().get(pk=upload.pk)
    if locked.state != State.OPEN:
        if locked.asset is None:
            raise AssetNotFound("The upload has expired; begin anew.")
        return locked
    locked.asset = Asset.objects.create(
        organization_id=locked.organization_id, user_id=locked.user_id, kind=locked.kind, filename=locked.filename
    )
    locked.state = State.CHECKING
    locked.expires_at = clock.now() + _CHECK_AGAIN_AFTER
    locked.save(update_fields=["asset", "state", "expires_at"])
    return locked


def _end_check(upload: Upload, state: Upload.State, fault: str = "") -> None:
    if not Upload.objects.filter(pk=upload.pk, state=State.CHECKING).update(state=state, fault=fault):
        raise _AlreadyChecked


@transaction.atomic(durable=True)
def _reject(upload: Upload, fault: str) -> None:
    if Upload.objects.filter(pk=upload.pk, state=State.CHECKING).update(state=State.REJECTED, fault=fault):
        assert upload.asset
        Asset.objects.filter(pk=upload.asset.pk).update(status=Asset.Status.REJECTED)


# --- idempotency keys of uploads in one request -----------------------------------------------------------------------
def _earlier(principal: Principal, sha256: bytes, key: str | None) -> Asset | None:
    record = idempotency.find(principal.organization_id, _ROUTE, key) if key else None
    if record is None:
        return None
    idempotency.check_same(record, sha256)
    asset = assets.find(principal.organization_id, record.resource_id)
    if asset is None:
        raise AssetNotFound
    return asset


def _remember(asset: Asset, sha256: bytes, key: str | None) -> None:
    if key:
        idempotency.record(
            organization_id=asset.organization_id,
            route=_ROUTE,
            key=key,
            body=sha256,
            status_code=201,
            resource_id=asset.pk,
        )
