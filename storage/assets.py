"""The assets of an organization: keep a job's outputs and uploads, find them, sign their links, delete them.

Lock order: asset, then its blob. The bucket is never called inside a transaction.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.principal import Principal
from core import children, clock, outbound
from core.children import ChildFailed
from core.exceptions import AddressRefused, FetchFailed
from core.problems import FieldError
from storage import blobs, delivery, exceptions, incoming, inspection, object_store, renditions
from storage.blobs import ABANDONED_AFTER
from storage.exceptions import AssetNotFound, AssetNotReady, ContentRefused, OnLegalHold, WrongAssetKind
from storage.incoming import Arrived
from storage.inspection import Bounds, Fault, Inspected, Kind, Unreadable
from storage.models import Asset, Blob, CollectionEntry, Favourite, Rendition
from storage.object_store import ObjectMissing
from usage import limits

_REFUSALS: dict[Fault, type[ContentRefused]] = {
    "not_an_image": exceptions.NotAnImage,
    "truncated_image": exceptions.TruncatedImage,
    "image_too_large": exceptions.ImageTooLarge,
    "animated_image": exceptions.AnimatedImage,
    "not_audio": exceptions.NotAudio,
    "truncated_audio": exceptions.TruncatedAudio,
    "audio_too_long": exceptions.AudioTooLong,
    "not_text": exceptions.NotText,
    "not_json": exceptions.NotJSON,
    "unsupported_kind": exceptions.UnsupportedKind,
}
# What is told where the child that decodes runs out of memory or time.
_UNDECODABLE: dict[Kind, type[ContentRefused]] = {
    "image": exceptions.UndecodableImage,
    "audio": exceptions.UndecodableAudio,
    "json": exceptions.NotJSON,
    "text": exceptions.NotText,
}
# The slowest decoder hears twice as many seconds in one.
_SECONDS_HEARD_PER_SECOND = 240
_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "application/json": ".json",
    "text/plain; charset=utf-8": ".txt",
}
# Writers of the same bytes disturb each other once; more often than this it is a fault of ours.
_TRIES = 4
_SWEPT_AT_ONCE = 500
# What a provider made may be large and its host slow.
_OUTPUT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class InputBytes:
    """An input that was fetched to a file."""

    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLink:
    """Where to read an asset, and until when."""

    url: str
    expires_at: datetime


def examined(path: Path, kind: Kind | None) -> Inspected:
    """What the bytes of a file are, found by decoding all of them in a child process; of any kind if none is named.

    Raises ContentRefused.
    """
    bounds = Bounds(
        max_pixels=settings.IMAGE_MAX_PIXELS,
        max_side=settings.IMAGE_MAX_SIDE,
        max_seconds=settings.AUDIO_MAX_SECONDS,
    )
    try:
        kind = kind or inspection.recognise(path)
        return _inspected_in_child(path, kind, bounds)
    except Unreadable as unreadable:
        raise _REFUSALS[unreadable.fault] from None
    except ChildFailed as failure:
        assert kind
        raise _UNDECODABLE[kind](reason=failure.reason) from failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Output number `index` of a job, and what the library finds it by."""

    organization_id: UUID
    user_id: UUID
    job_id: UUID
    index: int
    operation: str = ""
    model: str = ""
    prompt: str = ""


def keep_output(origin: Origin, *, kind: Kind, source: Path | str) -> Asset:
    """Store an output of a job from a file or an address of its provider's.

    It stays pending until the job settles (SQL storage_ready_outputs). Safe to repeat: an output that was stored before
    is returned as it is. Raises ContentRefused, and StoreUnavailable where bucket or address cannot be reached.
    """
    organization_id = origin.organization_id
    asset = Asset(
        organization_id=organization_id,
        user_id=origin.user_id,
        kind=kind,
        job_id=origin.job_id,
        job_index=origin.index,
        operation=origin.operation,
        model=origin.model,
        prompt=origin.prompt,
    )
    if isinstance(source, Path):
        inspected = examined(source, kind)
        with incoming.on_disk(organization_id, source) as arrived:
            return keep(asset, arrived, inspected)
    try:
        with (
            incoming.receive(organization_id, max_bytes=settings.UPLOAD_MAX_BYTES) as arrived,
            outbound.fetch(source, max_bytes=settings.UPLOAD_MAX_BYTES, seconds=_OUTPUT_SECONDS) as found,
        ):
            for chunk in found.chunks:
                arrived.write(chunk)
            arrived.finish()
            return keep(asset, arrived, examined(arrived.path, kind))
    except FetchFailed as failure:
        raise exceptions.StoreUnavailable("The provider's result cannot be fetched.") from failure
    except (AddressRefused, exceptions.UploadTooLarge) as refusal:
        raise exceptions.UnusableOutput from refusal


def keep(
    asset: Asset, arrived: Arrived, inspected: Inspected, *, within: Callable[[Asset], None] | None = None
) -> Asset:
    """Store the bytes once for the organization and write the asset that names them; `within` joins its transaction.

    It expires when the organization's plan says, if it has no expiry of its own. What is there already, as the output
    of a job or by its import key, is returned instead. Raises StoreUnavailable, and what `within` raises.
    """
    if asset.expires_at is None and (days := limits.retention_days(asset.organization_id)) is not None:
        asset.expires_at = clock.now() + timedelta(days=days)
    for _ in range(_TRIES):
        blob = blobs.living(asset.organization_id, arrived.sha256) or arrived.place(inspected)
        try:
            if _is_written(asset, blob, within):
                if asset.kind == Asset.Kind.IMAGE:
                    renditions.ring(blob.pk)
                return asset
        except IntegrityError:
            # Somebody else was faster: with the same bytes, the same output, or the same line of an old library.
            stored = _output(asset.job_id, asset.job_index) or _import(asset)
            if stored:
                return stored
    raise exceptions.StoreUnavailable


def require_inputs(organization_id: UUID, asset_ids: Mapping[str, tuple[UUID, str]]) -> None:
    """Make sure that the assets an input names, by field with the kind it takes, can be read by a job.

    Raises AssetNotFound (another organization's is as absent as any), WrongAssetKind or AssetNotReady, each with
    every field that it is about.
    """
    if not asset_ids:
        return
    named = {asset_id for asset_id, _ in asset_ids.values()}
    found = {
        asset.pk: asset for asset in Asset.objects.for_organization(organization_id).unexpired().filter(pk__in=named)
    }
    refusals: dict[type[AssetNotFound | WrongAssetKind | AssetNotReady], list[FieldError]] = defaultdict(list)
    for field, (asset_id, kind) in asset_ids.items():
        pointer = "/input/" + field.replace(".", "/")
        asset = found.get(asset_id)
        if asset is None or asset.status == Asset.Status.REJECTED:
            refusals[AssetNotFound].append(FieldError(pointer, AssetNotFound.code, "There is no such asset."))
        elif asset.kind != kind:
            refusals[WrongAssetKind].append(FieldError(pointer, WrongAssetKind.code, f"This takes an asset of {kind}."))
        elif asset.status == Asset.Status.PENDING:
            refusals[AssetNotReady].append(FieldError(pointer, AssetNotReady.code, "The asset is being checked."))
    for refusal in (AssetNotFound, WrongAssetKind, AssetNotReady):
        if errors := refusals.get(refusal):
            raise refusal(errors=errors)


def find(organization_id: UUID, asset_id: UUID) -> Asset | None:
    """The organization's asset, if it can be read, with its blob and renditions."""
    return Asset.objects.for_organization(organization_id).readable().with_bytes().filter(pk=asset_id).first()


def show(principal: Principal, asset_id: UUID) -> Asset | None:
    """An asset of the principal's organization whatever its status, with its blob, as they may see it."""
    unexpired = Asset.objects.for_organization(principal.organization_id).unexpired()
    return unexpired.seen_by(principal.user_id).with_bytes().filter(pk=asset_id).first()


def fetch(organization_id: UUID, asset_id: UUID, to: Path) -> InputBytes:
    """Stream an asset's bytes into a file. Raises AssetNotFound (also when its bytes are gone), StoreUnavailable."""
    asset = find(organization_id, asset_id)
    if asset is None or asset.blob is None:
        raise AssetNotFound
    try:
        object_store.download(asset.blob.object_key, to)
    except ObjectMissing:
        raise AssetNotFound from None
    return InputBytes(content_type=asset.blob.content_type, size_bytes=asset.blob.size_bytes)


def outputs_of(job_ids: Collection[UUID], *, seen_by: UUID) -> dict[UUID, list[Asset]]:
    """The readable outputs of each job that has any, in order, with their blobs and renditions, as a user sees them."""
    outputs: dict[UUID, list[Asset]] = defaultdict(list)
    assets = Asset.objects.readable().seen_by(seen_by).filter(job_id__in=job_ids).with_bytes()
    for asset in assets.order_by("job_id", "job_index"):
        assert asset.job_id
        outputs[asset.job_id].append(asset)
    return dict(outputs)


def sign(asset: Asset, rendition: Rendition | None = None) -> SignedLink:
    """A link to the asset, or to a rendition of it, through the CDN; it dies in ASSET_URL_SECONDS, or with the asset
    if that is sooner.
    """
    stored = rendition or asset.blob
    assert stored
    expires_at = clock.now() + timedelta(seconds=settings.ASSET_URL_SECONDS)
    if asset.expires_at:
        expires_at = min(expires_at, asset.expires_at)
    assert stored.sha256
    assert stored.size_bytes is not None
    url = delivery.link(
        stored.object_key,
        content_type=stored.content_type,
        filename=download_name(asset, stored.content_type),
        sha256=bytes(stored.sha256),
        size_bytes=stored.size_bytes,
        until=expires_at,
    )
    return SignedLink(url=url, expires_at=expires_at)


def download_name(asset: Asset, content_type: str) -> str:
    """What a file of the asset is called: its own name with the extension that the bytes deserve."""
    return f"{PurePath(asset.filename).stem or asset.pk}{_EXTENSIONS.get(content_type, '')}"


def signing_window() -> int:
    """A number that moves on twice in the life of a link: while it stands, links signed in it are still good."""
    return int(clock.now().timestamp() // (settings.ASSET_URL_SECONDS / 2))


def lock(organization_id: UUID, asset_ids: Collection[UUID]) -> list[Asset]:
    """Those of the organization's assets that can be read, locked by their key until the transaction ends."""
    readable = Asset.objects.for_organization(organization_id).readable().filter(pk__in=asset_ids)
    return list(readable.select_for_update(no_key=True).order_by("pk"))


def delete(organization_id: UUID, asset_id: UUID) -> bool:
    """Delete an asset; its bytes go with the last asset that names them, soon after. False where there is none.

    Raises OnLegalHold.
    """
    with transaction.atomic(durable=True):
        rows = lock(organization_id, [asset_id])
        if any(row.legal_hold for row in rows):
            raise OnLegalHold
        let_go(rows)
    return bool(rows)


def let_go(rows: Collection[Asset]) -> None:
    """Delete assets that are not on legal hold, in the transaction that holds their locks, out of every collection."""
    keys = [row.pk for row in rows]
    Asset.objects.filter(pk__in=keys).update(deleted_at=Now(), blob=None, is_public=False)
    CollectionEntry.objects.filter(asset_id__in=keys).delete()
    Favourite.objects.filter(asset_id__in=keys).delete()
    blobs.release(row.blob_id for row in rows if row.blob_id)
    renditions.withdraw([row.blob_id for row in rows if row.blob_id and row.is_public])


@transaction.atomic(durable=True)
def sweep() -> int:
    """Delete assets past their expiry and the outputs of jobs that never settled; returns how many.

    Nobody can read what has expired; the bytes of what is on legal hold stay nevertheless. Rows somebody else is
    deleting are theirs to count.
    """
    # What was uploaded is pending for as long as its upload is being checked (storage.uploads.sweep).
    abandoned = Q(status=Asset.Status.PENDING, job_id__isnull=False, created_at__lt=Now() - ABANDONED_AFTER)
    due = Asset.objects.filter(abandoned | Q(expires_at__lte=Now()), deleted_at=None, legal_hold=False)
    rows = list(due.select_for_update(skip_locked=True, no_key=True).order_by("pk")[:_SWEPT_AT_ONCE])
    let_go(rows)
    return len(rows)


def _inspected_in_child(path: Path, kind: Kind, bounds: Bounds) -> Inspected:
    timeout: float = settings.CHILD_TIMEOUT_SECONDS
    if kind == "audio":
        timeout += bounds.max_seconds / _SECONDS_HEARD_PER_SECOND
    try:
        return children.run(inspection.inspect, path, kind, bounds, timeout=timeout)
    except ChildFailed as failure:
        if failure.reason != "crash":
            raise
        # The kernel may have taken the child for what others did to the machine's memory: paid bytes get a second look.
        return children.run(inspection.inspect, path, kind, bounds, timeout=timeout)


@transaction.atomic(durable=True)
def _is_written(asset: Asset, blob: Blob, within: Callable[[Asset], None] | None) -> bool:
    """The asset, named by its blob's count and with its thumbnails promised; False where the blob is dying."""
    if not blobs.refer(blob):
        return False
    asset.blob = blob
    # Of an upload's asset, which is there already, nothing else: it may have been put on legal hold meanwhile.
    asset.save(update_fields=None if asset._state.adding else ["blob", "status", "expires_at"])
    if within:
        within(asset)
    renditions.promise(blob.pk, renditions.thumbnails(blob))
    return True


def _output(job_id: UUID | None, index: int | None) -> Asset | None:
    """What was stored as this output before; None for an upload, which is nobody's output."""
    if job_id is None:
        return None
    return Asset.objects.filter(job_id=job_id, job_index=index, deleted_at=None).select_related("blob").first()


def _import(asset: Asset) -> Asset | None:
    """What was imported under the same name before."""
    if asset.import_key is None:
        return None
    named = Asset.objects.for_organization(asset.organization_id).filter(import_key=asset.import_key, deleted_at=None)
    return named.select_related("blob").first()
