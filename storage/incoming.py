"""Bytes on their way in, whoever sends them: counted and hashed as they come, spooled for the decoders, and sent on.

What fits into one part goes to the bucket when it is whole and known to be sound. What is larger goes there in parts
while it still arrives, under a promised blob; memory stays constant, and nothing waits for the last byte but the last
part. The spool is a file that is gone when the block ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Protocol, cast
from uuid import UUID

from core import scratch
from storage import blobs, object_store
from storage.exceptions import UploadTooLarge
from storage.inspection import Inspected
from storage.models import Blob
from storage.object_store import PART_BYTES, PartsWriter


class Arrived(Protocol):
    """Whole bytes: in a file to look at, and in the bucket once they are placed."""

    @property
    def path(self) -> Path: ...
    @property
    def sha256(self) -> bytes: ...
    @property
    def size_bytes(self) -> int: ...

    def place(self, inspected: Inspected) -> Blob:
        """A promised blob whose object holds the bytes; the same one when asked again. Raises StoreUnavailable."""
        ...


class Spool:
    """What has arrived so far, in a file. Memory stays constant however much that is."""

    def __init__(self, file: BinaryIO, path: Path, max_bytes: int) -> None:
        self._file = file
        self._hash = sha256()
        self._max_bytes = max_bytes
        self.path = path
        self.size_bytes = 0
        self.sha256 = b""

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises UploadTooLarge as soon as there is one byte too many."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise UploadTooLarge(max_bytes=self._max_bytes)
        self._hash.update(chunk)
        self._file.write(chunk)

    def finish(self) -> None:
        """That was all: the hash is known now, and what was written can be read under `path`."""
        self._file.flush()
        self.sha256 = self._hash.digest()


class Incoming(Spool):
    """A spool whose bytes are to be an organization's; they are `Arrived` once it is finished."""

    def __init__(self, file: BinaryIO, path: Path, max_bytes: int, organization_id: UUID) -> None:
        super().__init__(file, path, max_bytes)
        self._organization_id = organization_id
        self._blob: Blob | None = None
        self._parts: PartsWriter | None = None

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises UploadTooLarge, and StoreUnavailable where large bytes cannot be sent on."""
        before = self.size_bytes // PART_BYTES
        super().write(chunk)
        if self.size_bytes // PART_BYTES > before and self.size_bytes > PART_BYTES:
            self._file.flush()
            self._send_on().reached(self.size_bytes)

    def place(self, inspected: Inspected) -> Blob:
        facts = blobs.facts(self, inspected)
        if self._parts:
            assert self._blob
            self._parts.finish(self.size_bytes)
            self._parts = None
            blobs.describe(self._blob, facts)
        elif self._blob is None:
            self._blob = blobs.promise(self._organization_id, **facts)
            object_store.put_file(
                self.path, self._blob.object_key, content_type=inspected.content_type, sha256=self.sha256
            )
        return self._blob

    def let_go(self) -> None:
        """Take back what no asset came to name; safe after success too."""
        if self._parts:
            self._parts.abort()
        if self._blob:
            blobs.discard(self._blob)

    def _send_on(self) -> PartsWriter:
        if self._parts is None:
            self._blob = blobs.promise(self._organization_id)
            multipart_id = object_store.begin_parts(
                self._blob.object_key, content_type=self._blob.content_type, hashed=True
            )
            blobs.comes_in_parts(self._blob, multipart_id)
            self._parts = PartsWriter(self.path, self._blob.object_key, multipart_id)
        return self._parts


class _OnDisk(Incoming):
    """A file that is here already: read once for its hash, and never copied."""

    def __init__(self, path: Path, organization_id: UUID) -> None:
        with path.open("rb") as file:
            super().__init__(file, path, 0, organization_id)
            self.sha256 = file_digest(file, "sha256").digest()
        self.size_bytes = path.stat().st_size


@contextmanager
def spool(max_bytes: int) -> Iterator[Spool]:
    """A spool whose file is gone when the block ends."""
    with NamedTemporaryFile(prefix="upload-", dir=scratch.folder()) as file:
        yield Spool(cast("BinaryIO", file), Path(file.name), max_bytes)


@contextmanager
def receive(organization_id: UUID, *, max_bytes: int) -> Iterator[Incoming]:
    """Bytes that come piece by piece; keep them inside the block, or they are let go."""
    with NamedTemporaryFile(prefix="upload-", dir=scratch.folder()) as file:
        incoming = Incoming(cast("BinaryIO", file), Path(file.name), max_bytes, organization_id)
        try:
            yield incoming
        finally:
            incoming.let_go()


@contextmanager
def on_disk(organization_id: UUID, path: Path) -> Iterator[Incoming]:
    """The bytes of a file; keep them inside the block, or what was sent of them is let go."""
    incoming = _OnDisk(path, organization_id)
    try:
        yield incoming
    finally:
        incoming.let_go()
