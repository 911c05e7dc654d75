"""An asset as the API shows it: built here once, for lists, jobs and uploads alike."""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, NotRequired, TypedDict

from django.conf import settings
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from rest_framework import serializers

from core import clock
from core.serializers import StrictSerializer
from storage import assets, library, publishing, renditions, uploads
from storage.models import Asset, Blob, Upload


class UploadInput(StrictSerializer):
    """What the bytes will be. The hash may be left out where they are many enough to go in parts."""

    filename = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    contentType = serializers.ChoiceField(choices=sorted(uploads.KINDS))
    size = serializers.IntegerField(min_value=1, max_value=2**53)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, help_text="Of all bytes, in hexadecimal.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "sha256" not in attrs and attrs["size"] <= settings.UPLOAD_SINGLE_MAX_BYTES:
            raise serializers.ValidationError(
                {"sha256": ["Bytes that go in one PUT need their hash."]}, code="required"
            )
        return attrs


class AssetSource(BaseModel):
    """The JSON body of `POST /v1/assets`: where the bytes are to be brought from."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    from_url: str = Field(max_length=8_192)


def _one_line(text: str) -> str:
    if not library.is_one_line(text):
        raise ValueError("This is one line without control characters.")
    return text


def _no_path(text: str) -> str:
    if "/" in text or "\\" in text:
        raise ValueError("A file name has no slashes.")
    return _one_line(text)


_Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=library.TAG_MAX_LENGTH),
    AfterValidator(_one_line),
]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_no_path)]


class AssetChange(BaseModel):
    """The body of `PATCH /v1/assets/{id}`: what is not named stays as it is."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    public: bool = False
    tags: Annotated[list[_Tag], Field(max_length=library.MOST_TAGS), AfterValidator(library.tidy_tags)] = Field(
        default=[], description="Trimmed, each once whatever its case."
    )
    favourite: bool = Field(default=False, description="Yours alone, whoever else sees the asset.")
    filename: _Name = ""


_LINKS = {"url", "urlExpiresAt"}


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
    """Without a link while its bytes are being looked at, and where they were rejected for `error`."""

    id: str
    status: str
    error: str | None
    url: str | None
    contentType: str | None
    size: int | None
    sha256: str | None
    width: int | None
    height: int | None
    durationSeconds: float | None
    channels: int | None
    kind: str
    filename: str
    tags: list[str]
    favourite: bool
    legalHold: bool
    operation: str | None
    model: str | None
    prompt: str | None
    createdAt: str
    expiresAt: str | None
    urlExpiresAt: str | None
    thumbnails: list[ThumbnailJSON]
    placeholder: str | None
    public: bool
    publicUrl: str | None
    source: OutputSourceJSON | UploadSourceJSON


class PartJSON(TypedDict):
    """A part of the bytes in order, and where to put it; one that has arrived may be left out."""

    partNumber: int
    size: int
    arrived: bool
    url: str
    method: str
    headers: dict[str, str]


class UploadJSON(TypedDict):
    """One address, or parts; neither once it is completed. `expiresAt` is when the addresses end."""

    id: str
    status: str
    assetId: str | None
    expiresAt: str | None
    url: NotRequired[str]
    method: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    parts: NotRequired[list[PartJSON]]


class AssetListJSON(TypedDict):
    data: list[AssetJSON]
    next: str | None


def asset_json(asset: Asset) -> AssetJSON:
    """An asset, and links that are signed now: not for a shared cache, a log or an event.

    Takes queries unless the asset came `with_bytes`.
    """
    blob = asset.blob
    link = assets.sign(asset) if asset.status == Asset.Status.READY else None
    return {
        "id": str(asset.pk),
        "status": asset.status,
        "error": asset.upload.fault if asset.status == Asset.Status.REJECTED else None,
        "url": link.url if link else None,
        "contentType": blob.content_type if blob else None,
        "size": blob.size_bytes if blob else None,
        "sha256": blob.sha256_hex if blob else None,
        "width": blob.width if blob else None,
        "height": blob.height if blob else None,
        "durationSeconds": blob.duration_seconds if blob else None,
        "channels": blob.channels if blob else None,
        "kind": asset.kind,
        "filename": asset.filename,
        "tags": asset.tags,
        "favourite": asset.is_favourite,
        "legalHold": asset.legal_hold,
        "operation": asset.operation or None,
        "model": asset.model or None,
        "prompt": asset.prompt or None,
        "createdAt": clock.rfc3339(asset.created_at),
        "expiresAt": clock.rfc3339(asset.expires_at) if asset.expires_at else None,
        "urlExpiresAt": clock.rfc3339(link.expires_at) if link else None,
        "thumbnails": _thumbnails(asset, blob) if blob and link else [],
        "placeholder": b64encode(blob.placeholder).decode() if blob and blob.placeholder else None,
        "public": asset.is_public,
        "publicUrl": publishing.public_url(asset),
        "source": _source(asset),
    }


def version(shown: Sequence[AssetJSON]) -> str:
    """For an ETag: it stands while nothing of these assets is new but their links, and the links of before are good."""
    facts = [
        {
            **{name: fact for name, fact in asset.items() if name not in _LINKS},
            "thumbnails": [thumbnail["width"] for thumbnail in asset["thumbnails"]],
        }
        for asset in shown
    ]
    return f"{sha256(json.dumps(facts).encode()).hexdigest()[:16]}-{assets.signing_window()}"


def upload_json(upload: Upload) -> UploadJSON:
    """An upload with fresh addresses for what has not arrived; raises StoreUnavailable."""
    to = uploads.addresses(upload)
    answer: UploadJSON = {
        "id": str(upload.pk),
        "status": upload.state,
        "assetId": str(upload.asset_id) if upload.asset_id else None,
        "expiresAt": clock.rfc3339(to.until) if to else None,
    }
    if to and to.put:
        answer |= {"url": to.put.url, "method": to.put.method, "headers": dict(to.put.headers)}
    if to and to.parts:
        answer["parts"] = [
            {
                "partNumber": part.number,
                "size": part.size_bytes,
                "arrived": part.has_arrived,
                "url": part.put.url,
                "method": part.put.method,
                "headers": dict(part.put.headers),
            }
            for part in to.parts
        ]
    return answer


def _thumbnails(asset: Asset, blob: Blob) -> list[ThumbnailJSON]:
    return [
        {
            "url": assets.sign(asset, rendition).url,
            "width": rendition.width or 0,
            "height": rendition.height or 0,
            "contentType": rendition.content_type,
        }
        for rendition in renditions.ready(blob, renditions.thumbnails(blob))
    ]


def _source(asset: Asset) -> OutputSourceJSON | UploadSourceJSON:
    if asset.job_id is None or asset.job_index is None:
        return {"uploadId": str(asset.upload.pk) if hasattr(asset, "upload") else None}
    return {"jobId": str(asset.job_id), "index": asset.job_index}
