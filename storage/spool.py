"""Bytes on their way in: a temporary file, hashed and counted as they come, never more than allowed."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from storage.exceptions import UploadTooLarge


class Spool:
    """What has arrived so far. Memory stays constant however much that is."""

    def __init__(self, file: BinaryIO, path: Path, max_bytes: int) -> None:
        self._file = file
        self._hash = sha256()
        self._max_bytes = max_bytes
        self.path = path
        self.size_bytes = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises UploadTooLarge as soon as there is one byte too many."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise UploadTooLarge(max_bytes=self._max_bytes)
        self._hash.update(chunk)
        self._file.write(chunk)

    def finish(self) -> bytes:
        """The SHA-256 of it all; what was written can now be read under `path`."""
        self._file.flush()
        return self._hash.digest()


@contextmanager
def spool(max_bytes: int) -> Iterator[Spool]:
    """A spool whose file is gone when the block ends."""
    with NamedTemporaryFile(prefix="upload-") as file:
        yield Spool(cast("BinaryIO", file), Path(file.name), max_bytes)
