"""Recordings of a tone, made by FFmpeg's own encoders."""

import io
import math
import struct
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
from PIL import Image

from tests.storage.pictures import picture

# How each container is called when it is written, and what is put in it.
FORMS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "flac": ("flac", "flac", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "vorbis": ("ogg", "vorbis", 44_100),
    "aac": ("ipod", "aac", 44_100),
    "alac": ("ipod", "alac", 44_100),
    "mp4": ("mp4", "aac", 44_100),
}
# One turn of the tone.
_WAVE = [struct.pack("<h", int(8_000 * math.sin(math.tau * index / 100))) for index in range(100)]


def recording(form="wav", *, seconds=2, layout="stereo", cover=False, film=False, options=None, tags=None):
    """The bytes of a tone. `cover` is a picture on its sleeve, `film` a second track of moving pictures."""
    container, codec, rate = FORMS[form]
    with NamedTemporaryFile() as file, av.open(file.name, "w", format=container, options=options or {}) as output:
        output.metadata.update(tags or {})
        sound = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        pictures = _picture_track(output, film) if cover or film else None
        sound.open()
        if pictures:
            _mux_pictures(output, pictures, film)
        frame_size = sound.codec_context.frame_size or 1024
        shaped = av.AudioResampler(sound.codec_context.format.name, layout, rate, frame_size=frame_size)
        for frame in _tone(seconds, rate, layout):
            for part in shaped.resample(frame):
                output.mux(sound.encode(part))
        for part in shaped.resample(None):
            output.mux(sound.encode(part))
        output.mux(sound.encode(None))
        output.close()
        return Path(file.name).read_bytes()


def playlist():
    """What makes a player that guesses read other files and addresses."""
    return b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def _tone(seconds, rate, layout):
    total, step = int(seconds * rate), 4_096
    for start in range(0, total, step):
        count = min(step, total - start)
        frame = av.AudioFrame(format="s16", layout=layout, samples=count)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        channels = frame.layout.nb_channels
        frame.planes[0].update(b"".join(_WAVE[index % 100] * channels for index in range(start, start + count)))
        yield frame


def _picture_track(output, film):
    track = output.add_stream("mpeg4" if film else "png", rate=10)
    track.width, track.height, track.pix_fmt = 64, 48, "yuv420p" if film else "rgb24"
    if not film:
        track.disposition = av.stream.Disposition.attached_pic
    return track


def _mux_pictures(output, track, film):
    image = Image.open(io.BytesIO(picture(64, 48)))
    for _ in range(5 if film else 1):
        output.mux(track.encode(av.VideoFrame.from_image(image)))
    output.mux(track.encode(None))
