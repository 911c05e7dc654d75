"""An upload in one request: spool it within its limits, look at it, keep it.

Nothing reaches the bucket or Postgres before the bytes are whole and are what they should be.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils.http import parse_header_parameters

from accounts.principal import Principal
from core import idempotency
from storage import assets, forms
from storage.blobs import Content
from storage.exceptions import AssetNotFound, UnsupportedUpload, UploadTooLarge
from storage.models import Asset
from storage.spool import Spool, spool

FORM_TYPE = "multipart/form-data"
RAW_TYPES = ("image/", "application/octet-stream")
_ROUTE = "POST /v1/assets"
# What a form adds around its file.
_ENVELOPE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A whole upload, in a file that lives as long as the block of `receive`."""

    spool: Spool
    sha256: bytes
    filename: str


@contextmanager
def receive(chunks: Iterable[bytes], *, content_type: str, declared_bytes: int | None) -> Iterator[Upload]:
    """Read a body that is a form with a file, or the file itself; never more of it than is allowed.

    Raises UnsupportedUpload and UploadTooLarge (where the declared length tells) before anything is read, and
    MalformedUpload, UploadTooLarge or UploadInterrupted while it is.
    """
    media_type, parameters = parse_header_parameters(content_type)
    if media_type != FORM_TYPE and not media_type.startswith(RAW_TYPES):
        raise UnsupportedUpload
    if declared_bytes is not None and declared_bytes > settings.UPLOAD_MAX_BYTES + _ENVELOPE_BYTES:
        raise UploadTooLarge(max_bytes=settings.UPLOAD_MAX_BYTES)
    with spool(settings.UPLOAD_MAX_BYTES) as received:
        filename = ""
        if media_type == FORM_TYPE:
            filename = forms.read_file(chunks, parameters.get("boundary", ""), received.write)
        else:
            for chunk in chunks:
                received.write(chunk)
        yield Upload(spool=received, sha256=received.finish(), filename=filename)


def keep(principal: Principal, upload: Upload, *, key: str | None) -> tuple[Asset, bool]:
    """The asset of an upload, and whether an earlier request with this idempotency key had made it.

    Raises ContentRefused, StoreUnavailable, IdempotencyMismatch, IdempotencyInProgress, or AssetNotFound where the
    key's asset was deleted since.
    """
    earlier = _earlier(principal, upload, key)
    if earlier:
        return earlier, True
    content = Content(
        path=upload.spool.path,
        sha256=upload.sha256,
        size_bytes=upload.spool.size_bytes,
        inspected=assets.examined(upload.spool.path, "image"),
    )
    asset = Asset(
        organization_id=principal.organization_id,
        user_id=principal.user_id,
        kind=content.inspected.kind,
        status=Asset.Status.READY,
        filename=upload.filename,
    )
    return assets.keep(asset, content, within=lambda kept: _remember(kept, upload, key)), False


def _earlier(principal: Principal, upload: Upload, key: str | None) -> Asset | None:
    record = idempotency.find(principal.organization_id, _ROUTE, key) if key else None
    if record is None:
        return None
    idempotency.check_same(record, upload.sha256)
    asset = assets.find(principal.organization_id, record.resource_id)
    if asset is None:
        raise AssetNotFound
    return asset


def _remember(asset: Asset, upload: Upload, key: str | None) -> None:
    if key:
        idempotency.record(
            organization_id=asset.organization_id,
            route=_ROUTE,
            key=key,
            body=upload.sha256,
            status_code=201,
            resource_id=asset.pk,
        )
