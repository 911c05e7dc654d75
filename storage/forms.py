"""A multipart form whose one file is written on as it arrives; python-multipart does the parsing."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from storage.exceptions import MalformedUpload

FILE_FIELD = "file"
_BOUNDARY_MAX_LENGTH = 70
_FILENAME_MAX_LENGTH = 200


def read_file(chunks: Iterable[bytes], boundary: str, write: Callable[[memoryview], None]) -> str:
    """Pass the bytes of the part named `file` to `write`; returns its file name, "" where it has none.

    Raises MalformedUpload for anything but a whole form with that one part.
    """
    if not 1 <= len(boundary) <= _BOUNDARY_MAX_LENGTH or not boundary.isascii():
        raise MalformedUpload("The Content-Type names no usable boundary.")
    form = _Form(write)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_finished,
                "on_part_data": form.on_part_data,
                "on_end": form.on_end,
            },
        )
        for chunk in chunks:
            parser.write(chunk)
    except FormParserError as error:
        raise MalformedUpload from error
    if not form.is_complete or form.filename is None:
        raise MalformedUpload
    return form.filename


class _Form:
    """What the parser calls back."""

    def __init__(self, write: Callable[[memoryview], None]) -> None:
        self._write = write
        self._name, self._value = bytearray(), bytearray()
        self._disposition = b""
        self.filename: str | None = None
        self.is_complete = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        kind, parameters = parse_options_header(self._disposition)
        name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or name != FILE_FIELD or self.filename is not None:
            raise MalformedUpload
        self.filename = plain_name(parameters.get(b"filename", b"").decode("utf-8", "replace"))
        self._disposition = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._write(memoryview(data)[start:end])

    def on_end(self) -> None:
        self.is_complete = True


def plain_name(sent: str) -> str:
    """The last part of the path a client may have sent, without what no file name should carry."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[-_FILENAME_MAX_LENGTH:]
