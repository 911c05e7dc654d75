"""Zips of many assets, made while they are read: nothing is stored but which assets one was asked of.

A zip is stored, not deflated: pictures and recordings are packed already, and so its length is known beforehand. Where
the bucket fails half-way the transfer is broken off short of that length, so nobody takes a part for the whole.
"""

import struct
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db.models.functions import Now
from zipstream import ZipStream

from accounts import sessions
from accounts.principal import Principal
from core import clock
from core.exceptions import NotFound
from storage import assets, object_store
from storage.exceptions import ArchiveTooLarge, NothingToArchive
from storage.models import Archive, Asset

MOST_ASSETS = 1_000
_SIGNER = Signer(salt="storage.archives", sep=".")
# What Windows puts into no name, and the names it keeps to itself.
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
# The times a zip can tell; old libraries have others, too.
_FIRST_TIME, _LAST_TIME = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)
# With its extension and a number well below the 255 bytes of any file system.
_STEM_MAX_BYTES = 200
_MOST_SWEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where to read a zip, what it holds now, how long it will be, and what was asked for and cannot be read."""

    url: str
    assets: int
    size_bytes: int
    skipped: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zip:
    """A zip that can be read once."""

    name: str
    size_bytes: int
    chunks: Iterator[bytes]


def create(principal: Principal, asset_ids: Sequence[UUID]) -> Archive:
    """Remember for ASSET_URL_SECONDS what a zip is asked of. Raises NothingToArchive, ArchiveTooLarge."""
    if len(asset_ids) > MOST_ASSETS:
        raise ArchiveTooLarge
    if not _readable(principal.organization_id, asset_ids):
        raise NothingToArchive
    return Archive.objects.create(
        organization_id=principal.organization_id,
        user_id=principal.user_id,
        asset_ids=list(dict.fromkeys(asset_ids)),
        expires_at=clock.now() + timedelta(seconds=settings.ASSET_URL_SECONDS),
    )


def find(organization_id: UUID, archive_id: UUID) -> Archive:
    """An archive whose link has not ended. Raises NotFound."""
    archive = Archive.objects.filter(pk=archive_id, organization_id=organization_id, expires_at__gt=Now()).first()
    if archive is None:
        raise NotFound
    return archive


def link(archive: Archive) -> Link:
    """The link to an archive, and what it would give now."""
    readable = _readable(archive.organization_id, archive.asset_ids)
    found = {asset.pk for asset in readable}
    return Link(
        url=f"{settings.BASE_URL}/v1/archives/{_SIGNER.sign(archive.pk.hex)}",
        assets=len(readable),
        size_bytes=len(_zipped(readable)),
        skipped=[asset_id for asset_id in archive.asset_ids if asset_id not in found],
    )


def open_zip(token: str) -> Zip:
    """The zip behind a link, of what its maker may read at this moment. Raises NotFound, whatever the reason."""
    try:
        archive_id = UUID(_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        raise NotFound from None
    archive = Archive.objects.filter(pk=archive_id, expires_at__gt=Now()).first()
    if archive is None:
        raise NotFound
    maker = sessions.principal_for_user(archive.user_id, archive.organization_id)
    if maker is None or not maker.may("assets:read"):
        raise NotFound
    zipped = _zipped(_readable(archive.organization_id, archive.asset_ids))
    return Zip(name=f"assets-{clock.now():%Y-%m-%d}.zip", size_bytes=len(zipped), chunks=iter(zipped))


def sweep() -> int:
    """Forget archives whose links have ended; returns how many."""
    due = Archive.objects.filter(expires_at__lte=Now()).values("pk")[:_MOST_SWEPT]
    return Archive.objects.filter(pk__in=due).delete()[0]


def _readable(organization_id: UUID, asset_ids: Sequence[UUID]) -> list[Asset]:
    """In the order they were asked for, with their blobs and nothing that is heavy."""
    readable = Asset.objects.for_organization(organization_id).readable().select_related("blob").defer("prompt")
    found = readable.in_bulk(asset_ids)
    return [found[asset_id] for asset_id in asset_ids if asset_id in found]


def _zipped(readable: Sequence[Asset]) -> "_DatedZip":
    zipped = _DatedZip(sized=True)
    taken: set[str] = set()
    for asset in readable:
        assert asset.blob
        name = _unique(assets.download_name(asset, asset.blob.content_type), taken)
        chunks = object_store.chunks(asset.blob.object_key)
        zipped.add_dated(chunks, name, size=asset.blob.size_bytes, made_at=asset.created_at)
    return zipped


class _DatedZip(ZipStream):  # type: ignore[misc]  # zipstream-ng has no annotations
    """A zip whose entries have the times their assets were made at; the library knows those of files on disk alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._times: deque[datetime] = deque()

    def add_dated(self, chunks: Iterator[bytes], name: str, *, size: int, made_at: datetime) -> None:
        self.add(chunks, name, size=size)
        self._times.append(made_at)

    def _gen_file_entry(self, **entry: Any) -> Iterator[bytes]:
        made_at = min(max(self._times.popleft(), _FIRST_TIME), _LAST_TIME)
        written = super()._gen_file_entry(**entry)
        header = bytearray(next(written))
        date = (made_at.year - 1980) << 9 | made_at.month << 5 | made_at.day
        time = made_at.hour << 11 | made_at.minute << 5 | made_at.second // 2
        # The last modified time and date of a local file header (APPNOTE 4.3.7).
        struct.pack_into("<HH", header, 10, time, date)
        yield bytes(header)
        yield from written
        self._filelist[-1].date_time = made_at.timetuple()[:6]


def _unique(name: str, taken: set[str]) -> str:
    """A name that every file system takes and that differs from the others by more than case."""
    path = PurePath(unicodedata.normalize("NFC", name))
    stem = "".join(character for character in path.stem if character.isprintable()).translate(_FORBIDDEN)
    stem = stem.encode()[:_STEM_MAX_BYTES].decode(errors="ignore").strip(" .") or "asset"
    # As Windows compares: a superscript one is a one, and blanks at the end are nothing.
    if unicodedata.normalize("NFKC", stem.split(".")[0]).strip().casefold() in _RESERVED:
        stem = f"_{stem}"
    unique, number = f"{stem}{path.suffix}", 1
    while unique.casefold() in taken:
        number += 1
        unique = f"{stem} ({number}){path.suffix}"
    taken.add(unique.casefold())
    return unique
