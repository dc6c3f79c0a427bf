"""A form (multipart/form-data, RFC 7578) read as it comes: fields are kept, the one file in it is handed on in pieces.

Over python-multipart's low-level callbacks; nothing of the file stays here. Fields and file come in any order.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imlab.net.web.answers import Refusal
from imlab.server.parts import Malformed, TooLarge
from imlab.server.upload_terms import UploadTerms

BOUNDARY = 70  # characters (RFC 2046, 5.1.1)
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its warnings tell of strangers' broken forms


class Form:
    """One form. files: names of fields that are the file. fields: by name, as far as they have come.

    file, type, filename: once the file has begun, the name of its field and what is claimed of it.
    """

    def __init__(self, content_type: bytes, files: Collection[str], terms: UploadTerms) -> None:
        self._files, self._terms = files, terms
        self._parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )
        self.fields: dict[str, str] = {}
        self.file = ""
        self.type = self.filename = ""
        self.whole = False
        self._size = 0  # bytes of the file so far
        self._pieces: list[bytes] = []
        self._parts = 0

    def feed(self, data: bytes) -> list[bytes]:
        """More of the body; what it holds of the file."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Malformed(f"not a form: {error}") from error
        pieces, self._pieces = self._pieces, []
        return pieces

    def end(self) -> None:
        """The body is whole: so must the form be."""
        if not self.whole:
            raise Malformed("the form ends before its last boundary")
        if not self.file:
            raise Malformed(f"the form has no file: a field named {' or '.join(sorted(self._files))}")

    # Callbacks

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > self._terms.fields:
            raise Malformed(f"a form has at most {self._terms.fields} fields here")
        self._headers: dict[bytes, bytes] = {}
        self._header = [bytearray(), bytearray()]

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_ends(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = [bytearray(), bytearray()]

    def _headers_end(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = _text("a field's name", options.get(b"name", b""))
        if disposition != b"form-data" or not name:
            raise Malformed("a part of the form has no name (Content-Disposition: form-data; name=...)")
        self._name, self._value = name, bytearray()
        self._is_file = name in self._files
        if name in self.fields or (self._is_file and self.file):
            raise Malformed(f"the form has {name} twice, or two files")
        if self._is_file:
            self._file_begins(name, options.get(b"filename", b""))

    def _file_begins(self, name: str, filename: bytes) -> None:
        self.file = name
        self.type = self._headers.get(b"content-type", b"").decode("latin-1")
        self.filename = _text("filename", filename)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._size += end - start
            if self._size > self._terms.file:
                raise TooLarge(f"a file of more than {self._terms.file} bytes")
            self._pieces.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > self._terms.text:
            raise Malformed(f"{self._name} has more than {self._terms.text} bytes")

    def _part_ends(self) -> None:
        if not self._is_file:
            self.fields[self._name] = _text(self._name, bytes(self._value))

    def _end(self) -> None:
        self.whole = True


def _boundary(content_type: bytes) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise Refusal(415, "unsupported_media_type", f"a form is multipart/form-data, not {content_type!r:.60}")
    if b"boundary" not in options:
        raise Malformed("the form names no boundary")
    if len(options[b"boundary"]) > BOUNDARY:
        raise Malformed(f"a boundary has at most {BOUNDARY} characters, not {len(options[b'boundary'])}")
    return options[b"boundary"]


def _text(what: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is no UTF-8: {data!r:.60}") from error
