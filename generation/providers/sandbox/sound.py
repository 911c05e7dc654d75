"""What levels tell of a recording: how long it is, when there is sound in it, and how loud. No words are recognised."""

import array
import math
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

from generation.providers.sandbox.pixels import Refused

_WINDOW_SECONDS = 0.1
_SILENCE_DB = -45.0
# Gaps shorter than this do not divide a sound.
_GAP_SECONDS = 0.3
_MAX_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording's frame and the level of each tenth of a second in decibels below full scale."""

    seconds: float
    channels: int
    rate: int
    levels: tuple[float, ...]

    def sounds(self) -> list[tuple[float, float]]:
        """When there is sound: (start, end) in seconds."""
        spans: list[tuple[float, float]] = []
        for index, level in enumerate(self.levels):
            if level <= _SILENCE_DB:
                continue
            start, end = index * _WINDOW_SECONDS, min(self.seconds, (index + 1) * _WINDOW_SECONDS)
            if spans and start - spans[-1][1] < _GAP_SECONDS:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    def text(self) -> str:
        """What there is to say, without a claim to have understood."""
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        told = [f"{self.seconds:.1f} s of audio, {channels}, {self.rate / 1000:g} kHz."]
        spans = self.sounds()
        if spans:
            shown = ", ".join(f"{start:.1f}-{end:.1f} s" for start, end in spans[:20])
            rest = f" and {len(spans) - 20} more" if len(spans) > 20 else ""
            told.append(f"Sound at {shown}{rest}; the loudest moment reaches {max(self.levels):.0f} dBFS.")
        else:
            told.append("Nothing but silence.")
        told.append("The sandbox measures levels and understands no words.")
        return " ".join(told)

    def json(self) -> dict[str, object]:
        return {
            "seconds": round(self.seconds, 3),
            "channels": self.channels,
            "sampleRate": self.rate,
            "sounds": [{"start": round(start, 2), "end": round(end, 2)} for start, end in self.sounds()],
        }


def heard(path: Path) -> Recording:
    """The levels of a WAV file, read in pieces. Raises Refused."""
    try:
        with wave.open(str(path), "rb") as recording:
            return _measured(recording)
    except (wave.Error, EOFError) as error:
        raise Refused("bad_input", "The sandbox hears uncompressed WAV recordings only.") from error


def _measured(recording: wave.Wave_read) -> Recording:
    rate, channels, width = recording.getframerate(), recording.getnchannels(), recording.getsampwidth()
    if not rate or not channels or recording.getnframes() / rate > _MAX_SECONDS:
        raise Refused("bad_input", "The recording is empty or longer than four hours.")
    window = max(1, round(rate * _WINDOW_SECONDS))
    levels: list[float] = []
    frames = 0
    while piece := recording.readframes(window):
        frames += len(piece) // (width * channels)
        levels.append(_level(piece, width))
    return Recording(seconds=frames / rate, channels=channels, rate=rate, levels=tuple(levels))


def _level(piece: bytes, width: int) -> float:
    """Root mean square in decibels below full scale, of some hundreds of samples."""
    samples = _samples(piece, width)
    some = samples[:: max(1, len(samples) // 400)]
    power = sum(sample * sample for sample in some) / max(1, len(some))
    return 10 * math.log10(max(power, 1e-10))


def _samples(piece: bytes, width: int) -> list[float]:
    """The samples from -1 to 1; WAV is little-endian, and unsigned at 8 bits."""
    if width == 1:
        return [(value - 128) / 128 for value in piece]
    if width == 3:
        # The two upper bytes are precise enough for a level.
        piece = b"".join(piece[index + 1 : index + 3] for index in range(0, len(piece) - 2, 3))
        width = 2
    numbers = array.array("h" if width == 2 else "i", piece[: len(piece) // width * width])
    if sys.byteorder == "big":
        numbers.byteswap()
    full = float(2 ** (8 * width - 1))
    return [number / full for number in numbers]
