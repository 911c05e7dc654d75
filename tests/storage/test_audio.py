"""Recordings: heard to the end by the container their first bytes speak of, or refused."""

import io
import struct
import wave

import pytest

from core import children
from storage import assets
from storage.exceptions import AudioTooLong, ContentRefused, NotAudio, TruncatedAudio, UndecodableAudio
from storage.inspection import Bounds, inspect
from tests.core import in_child
from tests.storage.recordings import FORMS, playlist, recording

MIB = 1024**2
TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "vorbis": "audio/ogg",
    "aac": "audio/mp4",
    "alac": "audio/mp4",
    "mp4": "audio/mp4",
}
SCRIPT = b"<script>alert(1)</script>" * 5


@pytest.fixture
def heard(file):
    """Look at bytes as audio."""
    return lambda content: assets.examined(file(content), "audio")


@pytest.mark.parametrize("form", FORMS)
def test_a_recording_is_known_by_its_bytes(file, form):
    found = assets.examined(file(recording(form)), None)

    assert (found.kind, found.content_type, found.channels) == ("audio", TYPES[form], 2)
    assert found.duration_seconds == pytest.approx(2, abs=0.002)
    assert (found.width, found.height) == (None, None)


@pytest.mark.parametrize("form", ["wav", "mp3", "flac", "opus", "aac"])
def test_one_channel_is_one(heard, form):
    assert heard(recording(form, layout="mono")).channels == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(recording("mp3", cover=True), id="mp3 with a cover"),
        pytest.param(recording("flac", cover=True), id="flac with a cover"),
        pytest.param(recording("mp4", cover=True), id="m4a with a cover"),
        pytest.param(recording("aac", options={"movflags": "+faststart"}), id="index first"),
        pytest.param(recording("aac", options={"movflags": "+frag_keyframe+empty_moov"}), id="in fragments"),
        pytest.param(recording("mp3", options={"write_xing": "0"}), id="mp3 that does not count its frames"),
        pytest.param(recording("mp3", tags={"title": "x" * 20_000}), id="a long tag"),
        pytest.param(
            recording("wav", tags={"title": "Gr\u00f6\u00dfe"}).replace("\u00f6".encode(), b"\xff\xfe"),
            id="a tag in no encoding",
        ),
        pytest.param(
            recording("wav").replace(struct.pack("<4sI", b"data", 352_800), b"data\xff\xff\xff\xff"), id="open"
        ),
    ],
)
def test_recordings_as_programs_write_them_are_heard(heard, content):
    assert heard(content).duration_seconds == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("form", FORMS)
def test_what_follows_a_recording_does_not_change_what_it_is(heard, form):
    """A polyglot is served as the recording it is: with its type fixed and nosniff."""
    found = heard(recording(form) + SCRIPT)

    assert (found.content_type, round(found.duration_seconds, 1)) == (TYPES[form], 2)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("form", FORMS)
def test_a_recording_that_is_cut_short_is_refused(heard, form, share):
    whole = recording(form)

    with pytest.raises(TruncatedAudio):
        heard(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("movflags", ["+faststart", "+frag_keyframe+empty_moov"])
def test_a_recording_whose_index_is_whole_is_refused_where_its_sound_is_cut(heard, movflags):
    whole = recording("aac", options={"movflags": movflags})

    with pytest.raises(TruncatedAudio):
        heard(whole[:-1_000])


@pytest.mark.parametrize("form", ["mp3", "flac", "opus", "vorbis", "aac"])
def test_a_recording_with_a_hole_is_refused(heard, form):
    content = bytearray(recording(form))
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)

    with pytest.raises(TruncatedAudio):
        heard(bytes(content))


def _silence(seconds):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as output:
        output.setparams((1, 2, 8_000, 0, "NONE", ""))
        output.writeframes(bytes(2 * 8_000 * seconds))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(b"", NotAudio, id="nothing"),
        pytest.param(playlist(), NotAudio, id="a playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", NotAudio, id="a list of files"),
        pytest.param(b"<html><audio></html>", NotAudio, id="html"),
        pytest.param(b"\xff\xf1\x50\x80" + bytes(60), NotAudio, id="raw aac"),
        pytest.param(b"\0\0\0\x18ftypheic" + bytes(60), NotAudio, id="a picture of that family"),
        pytest.param(recording("aac", film=True), NotAudio, id="a film"),
        pytest.param(b"RIFF\x24\0\0\0WAVE", TruncatedAudio, id="wav in name"),
        pytest.param(b"RIFF\x24\0\0\0WAVE" + b"JUNK\0\0\0\0" * 2_000, TruncatedAudio, id="wav without end"),
        pytest.param(b"ID3\x04\0\0\0\0\0\0" + SCRIPT, TruncatedAudio, id="mp3 in name"),
        pytest.param(b"ID3\x04\0\0\0\0\0\0" + playlist(), TruncatedAudio, id="a playlist in mp3's name"),
        pytest.param(b"fLaC" + SCRIPT, TruncatedAudio, id="flac in name"),
        pytest.param(b"OggS" + SCRIPT, TruncatedAudio, id="ogg in name"),
        pytest.param(b"\0\0\0\x18ftypM4A " + SCRIPT, TruncatedAudio, id="m4a in name"),
        pytest.param(_silence(0), TruncatedAudio, id="no sound"),
        pytest.param(
            recording("wav").replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\x55\0"), NotAudio, id="mp3 in a wav"
        ),
    ],
)
def test_what_is_no_recording_is_refused(heard, content, refusal):
    with pytest.raises(ContentRefused) as refused:
        heard(content)

    assert type(refused.value) is refusal


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "aac", "opus"])
def test_how_long_a_recording_may_be_is_a_setting(heard, settings, form):
    content = recording(form, seconds=3)

    settings.AUDIO_MAX_SECONDS = 3.1
    assert round(heard(content).duration_seconds) == 3
    settings.AUDIO_MAX_SECONDS = 2.9
    with pytest.raises(AudioTooLong):
        heard(content)


def test_a_recording_that_does_not_tell_its_length_is_bounded_while_it_is_heard(heard, settings):
    settings.AUDIO_MAX_SECONDS = 1

    with pytest.raises(AudioTooLong):
        heard(recording("mp3", options={"write_xing": "0"}))


def test_a_recording_that_takes_too_long_to_hear_is_refused(heard, settings):
    # A millisecond is left of the time that a recording of this length is given.
    settings.AUDIO_MAX_SECONDS, settings.CHILD_TIMEOUT_SECONDS = 24, 0.001 - 0.1

    with pytest.raises(UndecodableAudio) as refused:
        heard(recording("flac", seconds=24))

    assert refused.value.facts == {"reason": "timeout"}


def test_a_child_that_heard_something_is_small(file):
    # given: a new child, since those of other tests have drawn larger things
    children._close()
    path = file(recording("flac", seconds=60, layout="mono"))

    # when
    bounds = Bounds(max_pixels=1, max_side=1, max_seconds=60)
    memory = children.run(in_child.memory_after, inspect, path, "audio", bounds)

    # then
    assert memory < 80 * MIB
