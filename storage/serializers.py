"""An asset as the API shows it: built here once, for lists, jobs and uploads alike."""

from typing import TypedDict

from core import clock
from storage import assets
from storage.models import Asset


class ThumbnailJSON(TypedDict):
    url: str
    width: int
    height: int
    contentType: str


class OutputSourceJSON(TypedDict):
    """The asset is output number `index` of a job."""

    jobId: str
    index: int


class UploadSourceJSON(TypedDict):
    """The asset was uploaded: in one request where there is no id."""

    uploadId: str | None


class AssetJSON(TypedDict):
    id: str
    url: str
    contentType: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    kind: str
    filename: str
    createdAt: str
    expiresAt: str | None
    urlExpiresAt: str
    thumbnails: list[ThumbnailJSON]
    source: OutputSourceJSON | UploadSourceJSON


class AssetListJSON(TypedDict):
    data: list[AssetJSON]
    next: str | None


def asset_json(asset: Asset) -> AssetJSON:
    """A readable asset with its blob, and a link that is signed now: not for a shared cache, a log or an event."""
    blob, link = asset.blob, assets.sign(asset)
    assert blob
    return {
        "id": str(asset.pk),
        "url": link.url,
        "contentType": blob.content_type,
        "size": blob.size_bytes,
        "sha256": blob.sha256_hex,
        "width": blob.width,
        "height": blob.height,
        "kind": asset.kind,
        "filename": asset.filename,
        "createdAt": clock.rfc3339(asset.created_at),
        "expiresAt": clock.rfc3339(asset.expires_at) if asset.expires_at else None,
        "urlExpiresAt": clock.rfc3339(link.expires_at),
        "thumbnails": [],
        "source": _source(asset),
    }


def _source(asset: Asset) -> OutputSourceJSON | UploadSourceJSON:
    if asset.job_id is None or asset.job_index is None:
        return {"uploadId": None}
    return {"jobId": str(asset.job_id), "index": asset.job_index}
