"""What bytes are: by their content alone, and within bounds."""

import io
import zipfile

import pytest

from storage import assets
from storage.exceptions import (
    AnimatedImage,
    ContentRefused,
    ImageTooLarge,
    NotAnImage,
    NotJSON,
    NotText,
    TruncatedImage,
    UndecodableImage,
    UnsupportedKind,
)
from tests.storage import pictures
from tests.storage.pictures import picture


@pytest.mark.parametrize(
    ("form", "mode", "content_type"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "L", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGBA", "image/webp"),
        ("GIF", "L", "image/gif"),
        ("AVIF", "RGB", "image/avif"),
    ],
)
def test_a_picture_is_known_by_its_bytes(tmp_path, form, mode, content_type):
    path = _file(tmp_path, picture(70, 50, form=form, mode=mode), name="lies.txt")

    found = assets.examined(path, "image")

    assert (found.kind, found.content_type, found.width, found.height) == ("image", content_type, 70, 50)


def test_a_photograph_has_the_size_it_is_shown_in(tmp_path):
    found = assets.examined(_file(tmp_path, pictures.photograph(40, 20, orientation=6)), "image")

    assert (found.width, found.height) == (20, 40)


def test_a_jpeg_with_a_picture_behind_it_is_a_jpeg(tmp_path):
    found = assets.examined(_file(tmp_path, pictures.two_in_one()), "image")

    assert (found.content_type, found.width, found.height) == ("image/jpeg", 20, 10)


def test_what_follows_a_picture_does_not_change_what_it_is(tmp_path):
    """A polyglot is served as the picture it is: with its type fixed and nosniff."""
    found = assets.examined(_file(tmp_path, picture() + b"<script>alert(1)</script>"), "image")

    assert found.content_type == "image/png"


def _truncated(form):
    whole = picture(200, 200, form=form)
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(b"", NotAnImage, id="empty"),
        pytest.param(b"\x89PNG", NotAnImage, id="half a signature"),
        pytest.param(b"\x89PNG\r\n\x1a\n", TruncatedImage, id="a signature alone"),
        pytest.param(b"<html><img></html>", NotAnImage, id="html"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", NotAnImage, id="svg"),
        pytest.param(b"GIF89a/*<script>alert(1)</script>*/", TruncatedImage, id="gif in name"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"<script>" * 20, TruncatedImage, id="jpeg in name"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 " + b"x" * 40, TruncatedImage, id="webp in name"),
        pytest.param(b"\0\0\0\x1cftypavif" + b"x" * 60, TruncatedImage, id="avif in name"),
        pytest.param(picture(form="TIFF"), NotAnImage, id="tiff"),
        pytest.param(picture(form="BMP"), NotAnImage, id="bmp"),
        pytest.param(b"SIMPLE  =                    T" + b" " * 100, NotAnImage, id="fits"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", NotAnImage, id="eps"),
        pytest.param(b"PK\x03\x04" + b"\0" * 50, NotAnImage, id="zip"),
        pytest.param(_truncated("PNG"), TruncatedImage, id="half a png"),
        pytest.param(_truncated("JPEG"), TruncatedImage, id="half a jpeg"),
        pytest.param(_truncated("WEBP"), TruncatedImage, id="half a webp"),
        pytest.param(_truncated("AVIF"), TruncatedImage, id="half an avif"),
        pytest.param(_truncated("GIF"), TruncatedImage, id="half a gif"),
        pytest.param(pictures.animation("PNG"), AnimatedImage, id="apng"),
        pytest.param(pictures.animation("GIF"), AnimatedImage, id="gif that moves"),
        pytest.param(pictures.animation("WEBP"), AnimatedImage, id="webp that moves"),
        pytest.param(pictures.bomb(), ImageTooLarge, id="bomb"),
        pytest.param(pictures.bomb(40_000, 10), ImageTooLarge, id="too wide"),
        pytest.param(pictures.bomb(9_000, 9_000), TruncatedImage, id="bomb within the bounds"),
        pytest.param(pictures.bomb(0, 10), TruncatedImage, id="no width"),
    ],
)
def test_what_is_not_a_whole_still_picture_is_refused(tmp_path, content, refusal):
    with pytest.raises(ContentRefused) as refused:
        assets.examined(_file(tmp_path, content, name="picture.png"), "image")

    assert type(refused.value) is refusal


def test_a_picture_that_wants_too_much_memory_is_refused(tmp_path, settings):
    """The header is within the bounds, the pixels are not: the child's own limit decides."""
    settings.IMAGE_MAX_PIXELS = 10**10

    with pytest.raises(ContentRefused) as refused:
        assets.examined(_file(tmp_path, pictures.bomb(32_000, 32_000)), "image")

    assert type(refused.value) is UndecodableImage
    assert refused.value.facts == {"reason": "memory"}


def test_bounds_are_settings(tmp_path, settings):
    path = _file(tmp_path, picture(100, 100))

    settings.IMAGE_MAX_PIXELS = 10_000
    assert assets.examined(path, "image").width == 100
    settings.IMAGE_MAX_PIXELS = 9_999
    with pytest.raises(ImageTooLarge):
        assets.examined(path, "image")


@pytest.mark.parametrize(
    ("kind", "content", "content_type"),
    [
        ("json", b'{"layers": [{"name": "\xc3\xa9"}]}', "application/json"),
        ("json", b"[" * 64 + b"1" + b"]" * 64, "application/json"),
        ("text", "Größe".encode(), "text/plain; charset=utf-8"),
    ],
)
def test_documents_are_read_as_utf_8(tmp_path, kind, content, content_type):
    for named in (kind, None):
        found = assets.examined(_file(tmp_path, content), named)
        assert (found.kind, found.content_type) == (kind, content_type)


@pytest.mark.parametrize(
    ("kind", "content", "refusal"),
    [
        pytest.param("json", b"{", NotJSON, id="broken json"),
        pytest.param("json", b'{"a": NaN}', NotJSON, id="not a number"),
        pytest.param("json", b"[" * 100_000, NotJSON, id="deep json"),
        pytest.param("json", b"\xff\xfe", NotJSON, id="json in no encoding"),
        pytest.param("json", b" " * (10 * 1024**2 + 1), NotJSON, id="endless json"),
        pytest.param("text", b"\xc3\x28", NotText, id="broken utf-8"),
        pytest.param("text", b"a\0b", NotText, id="nul"),
        pytest.param("json", b"[" * 65 + b"]" * 65, NotJSON, id="json one too deep"),
        pytest.param("json", b'{"a":' * 65 + b"1" + b"}" * 65, NotJSON, id="objects one too deep"),
        pytest.param("json", b"\xef\xbb\xbf{}", NotJSON, id="json with a mark before it"),
        pytest.param("json", b"[" + b"9" * 5_000 + b"]", NotJSON, id="a number without end"),
        pytest.param("text", b"<!DOCTYPE html><p>", NotText, id="a page as text"),
    ],
)
def test_documents_that_are_none_are_refused(tmp_path, kind, content, refusal):
    with pytest.raises(ContentRefused) as refused:
        assets.examined(_file(tmp_path, content), kind)

    assert type(refused.value) is refusal


def _zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(picture(), "image", id="a picture"),
        pytest.param(b' \n{"a": 1}', "json", id="an object"),
        pytest.param(b"[]", "json", id="an array"),
        pytest.param(b"[-1.5]", "json", id="an array of numbers"),
        pytest.param(b"[Chorus]\nLa la la", "text", id="a song"),
        pytest.param(b"{curly} words", "text", id="words in braces"),
        pytest.param(b"<3 <3 <3", "text", id="hearts"),
        pytest.param(b"true", "text", id="a word"),
        pytest.param("日本語のテキスト".encode() * 1_000, "text", id="text longer than what is looked at first"),
    ],
)
def test_the_kind_is_found_out_where_none_is_named(tmp_path, content, kind):
    assert assets.examined(_file(tmp_path, content, name="lies.exe"), None).kind == kind


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(b"", UnsupportedKind, id="nothing"),
        pytest.param(b"<html><script>alert(1)</script></html>", UnsupportedKind, id="html"),
        pytest.param(b"\xef\xbb\xbf \n<!-- --><p>", UnsupportedKind, id="html behind a mark"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", UnsupportedKind, id="svg"),
        pytest.param(b"<?xml version='1.0'?><svg/>", UnsupportedKind, id="xml"),
        pytest.param(b"%PDF-1.7\n1 0 obj", UnsupportedKind, id="pdf"),
        pytest.param(b"GIF in name\n%PDF-1.7\n", UnsupportedKind, id="pdf further down"),
        pytest.param(_zip(), UnsupportedKind, id="zip"),
        pytest.param(b"\x7fELF\2\1\1\0", UnsupportedKind, id="program"),
        pytest.param(picture(form="TIFF"), UnsupportedKind, id="tiff"),
        pytest.param("text".encode("utf-16"), UnsupportedKind, id="text in utf-16"),
        pytest.param(b"#!/bin/sh\n" * 500 + _zip(), NotText, id="zip behind a script"),
        pytest.param(b"\x1f\x8b\x08\x01" + b"\xff" * 50, NotText, id="gzip"),
        pytest.param(b'{"a": ', NotJSON, id="half an object"),
        pytest.param(b"{", NotJSON, id="half a brace"),
        pytest.param(b"[" * 5_000, NotJSON, id="deep json"),
        pytest.param(picture(200, 200)[:5_000], TruncatedImage, id="half a picture"),
    ],
)
def test_what_is_of_no_kind_that_is_taken_is_refused(tmp_path, content, refusal):
    with pytest.raises(ContentRefused) as refused:
        assets.examined(_file(tmp_path, content, name="picture.png"), None)

    assert type(refused.value) is refusal


def test_the_densest_document_that_is_taken_fits_into_a_child(tmp_path):
    content = b"[" + b"[]," * 3_400_000 + b"[]]"

    assert assets.examined(_file(tmp_path, content), None).kind == "json"


def _file(folder, content, name="bytes"):
    path = folder / name
    path.write_bytes(content)
    return path
