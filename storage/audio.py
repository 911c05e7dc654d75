"""What there is to hear in a file: decoded from the first sample to the last, and none of it kept.

storage.inspection calls this in its limited child, so it imports no Django. It stands apart because PyAV brings some
30 MB of libraries with it, which a child that looks at pictures alone never loads. FFmpeg is told which container
and which codecs to expect and reads from an open file: it guesses nothing, and follows no playlist or address.
"""

import struct
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

type Fault = Literal["not_audio", "truncated_audio", "audio_too_long"]

_ROUNDING_SECONDS = 0.001
_CHUNKS = 1_000
# A writer that could not go back to its header leaves this where the length would be.
_WAV_OPEN_END = 0xFFFFFFFF
_OGG_PAGE_BYTES = 65_307
_OGG_LAST_PAGE = 0x04
_MP3_COUNTS = (b"Xing", b"Info", b"VBRI")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"uuid", b"meta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A recording that was decoded to its end."""

    seconds: float
    channels: int


@dataclass(frozen=True, slots=True)
class _Form:
    """How FFmpeg calls a container, the decoders for what may be in it, and what its length may count in excess.

    Encoders put silence before the first sample, which players skip and containers may or may not count.
    """

    demuxer: str
    decoders: tuple[str, ...]
    excess_seconds: float


_FORMS = {
    "audio/wav": _Form(
        "wav",
        ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"),
        _ROUNDING_SECONDS,
    ),
    "audio/mpeg": _Form("mp3", ("mp3float", "mp3"), 0.03),
    "audio/flac": _Form("flac", ("flac",), _ROUNDING_SECONDS),
    "audio/ogg": _Form("ogg", ("vorbis", "opus", "libopus", "flac"), 0.1),
    "audio/mp4": _Form("mov", ("aac", "alac", "opus", "libopus", "flac"), 0.2),
}


class Unhearable(Exception):
    """The bytes are not the recording they should be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


def hear(path: Path, content_type: str, max_seconds: float) -> Heard:
    """Decode the whole file as the container its first bytes speak of. Raises Unhearable."""
    form = _FORMS[content_type]
    options = {"codec_whitelist": ",".join(form.decoders), "protocol_whitelist": ""}
    try:
        with path.open("rb") as file:
            is_length_known = _check_frame(file, content_type)
            with av.open(file, "r", form.demuxer, options) as container:
                stream = _only_sound(container, form)
                if container.duration is None or not is_length_known:
                    return _decoded(container, stream, None, max_seconds)
                declared = container.duration / av.time_base
                if declared > max_seconds + _ROUNDING_SECONDS:
                    raise Unhearable("audio_too_long")
                return _decoded(container, stream, declared - form.excess_seconds, max_seconds)
    except MemoryError:
        # FFmpeg's own cannot be pickled.
        raise MemoryError from None
    except (av.FFmpegError, ArithmeticError, LookupError, ValueError, struct.error):
        raise Unhearable("truncated_audio") from None


def _only_sound(container: InputContainer, form: _Form) -> AudioStream:
    """The recording; a picture of its cover may come along, a film may not."""
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise Unhearable("not_audio")
    if not container.streams.audio:
        raise Unhearable("not_audio")
    stream = container.streams.audio[0]
    # A track that no decoder was found for has no codec context, whatever PyAV's types say.
    if getattr(stream.codec_context, "name", None) not in form.decoders:
        raise Unhearable("not_audio")
    stream.codec_context.thread_count = 1
    return stream


def _decoded(container: InputContainer, stream: AudioStream, promised: float | None, max_seconds: float) -> Heard:
    """All of it, and at least as many seconds as were promised, where that is known."""
    seconds, channels = 0.0, 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            # Tags and other things may stand behind the last sample; before it, the recording is damaged.
            if promised is None or seconds < promised:
                raise
            break
        for frame in frames:
            seconds += frame.samples / frame.sample_rate
            channels = frame.layout.nb_channels
        if seconds > max_seconds + _ROUNDING_SECONDS:
            raise Unhearable("audio_too_long")
    if not channels or (promised is not None and seconds < promised):
        raise Unhearable("truncated_audio")
    return Heard(seconds=round(seconds, 6), channels=channels)


def _check_frame(file: BinaryIO, content_type: str) -> bool:
    """Refuse a container whose frame is cut, where FFmpeg would take what is left for the whole.

    False where the length that FFmpeg tells is a guess.
    """
    is_length_known = True
    match content_type:
        case "audio/wav":
            is_length_known = _check_wav(file)
        case "audio/ogg":
            _check_ogg(file)
        case "audio/mp4":
            _check_mp4(file)
        case "audio/mpeg":
            is_length_known = _counts_its_frames(file)
    file.seek(0)
    return is_length_known


def _check_wav(file: BinaryIO) -> bool:
    """The samples must be there to the last byte that the header promises; False where it promises none."""
    size = file.seek(0, SEEK_END)
    position = 12
    for _ in range(_CHUNKS):
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        position += 8 + length + length % 2
        if name == b"data":
            if length == _WAV_OPEN_END:
                return False
            if position - length % 2 > size:
                break
            return True
    raise Unhearable("truncated_audio")


def _check_ogg(file: BinaryIO) -> None:
    """The last page must be whole, and say that it is the last."""
    size = file.seek(0, SEEK_END)
    file.seek(max(0, size - 2 * _OGG_PAGE_BYTES))
    tail = file.read()
    page = tail[tail.rindex(b"OggS") :]
    flags, segments = page[5], page[26]
    if not flags & _OGG_LAST_PAGE or len(page) < 27 + segments + sum(page[27 : 27 + segments]):
        raise Unhearable("truncated_audio")


def _check_mp4(file: BinaryIO) -> None:
    """No box may reach beyond the end of the file."""
    size = file.seek(0, SEEK_END)
    position = 0
    for _ in range(_CHUNKS):
        file.seek(position)
        head = file.read(16)
        if head[4:8] not in _MP4_BOXES:
            return
        (length,) = struct.unpack_from(">I", head)
        if length == 1:
            (length,) = struct.unpack_from(">Q", head, 8)
        if length == 0:
            return
        position += length
        if position > size:
            raise Unhearable("truncated_audio")


def _counts_its_frames(file: BinaryIO) -> bool:
    """Whether an MP3 tells in its first frame how many follow; else its length is guessed from its size."""
    file.seek(0)
    head = file.read(10)
    if head.startswith(b"ID3"):
        # The length is written with seven bits to the byte.
        length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(10 + length)
    else:
        file.seek(0)
    frame = file.read(2048)
    return any(mark in frame for mark in _MP3_COUNTS)
