"""Recordings to send: WAV files of a wanted size, whose samples are noise that nothing on the way can shrink."""

import os
import struct
from base64 import b64encode
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

MIB = 1024**2
CONTENT_TYPE = "audio/wav"
_RATE, _CHANNELS, _SAMPLE_BYTES = 48_000, 2, 2
_HEADER_BYTES = 44
_BLOCK = os.urandom(4 * MIB)
# The parts that storage.object_store sends; the store's checksum is over theirs.
_PART_BYTES = 8 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file and what is known of it before it is sent."""

    path: Path
    size_bytes: int
    sha256: str

    @property
    def store_checksum(self) -> str:
        """What S3 says of it: its hash, or where it came in parts the hash of their hashes and how many they are."""
        if self.size_bytes <= _PART_BYTES:
            return b64encode(bytes.fromhex(self.sha256)).decode()
        with self.path.open("rb") as file:
            hashes = [sha256(part).digest() for part in iter(lambda: file.read(_PART_BYTES), b"")]
        return f"{b64encode(sha256(b''.join(hashes)).digest()).decode()}-{len(hashes)}"

    @property
    def repr_digest(self) -> str:
        """The value of the header of that name."""
        return f"sha-256=:{b64encode(bytes.fromhex(self.sha256)).decode()}:"


def record(path: Path, size_bytes: int) -> Recording:
    """Make a recording of exactly this size, or make the one that is there another by its first samples.

    Bytes that an organization has already are not stored again, so each upload needs new ones.
    """
    if not path.exists() or path.stat().st_size != size_bytes:
        _write(path, size_bytes)
    with path.open("r+b") as file:
        file.seek(_HEADER_BYTES)
        file.write(os.urandom(64))
    with path.open("rb") as file:
        return Recording(path=path, size_bytes=size_bytes, sha256=file_digest(file, "sha256").hexdigest())


def _write(path: Path, size_bytes: int) -> None:
    frame_bytes = _CHANNELS * _SAMPLE_BYTES
    samples = size_bytes - _HEADER_BYTES
    if samples <= 0 or samples % frame_bytes:
        raise ValueError(f"{size_bytes} bytes are no whole number of frames")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, _CHANNELS, _RATE, _RATE * frame_bytes, frame_bytes, 16)
    with path.open("wb") as file:
        file.write(struct.pack("<4sI4s", b"RIFF", size_bytes - 8, b"WAVE") + form)
        file.write(struct.pack("<4sI", b"data", samples))
        for _ in range(samples // len(_BLOCK)):
            file.write(_BLOCK)
        file.write(_BLOCK[: samples % len(_BLOCK)])
