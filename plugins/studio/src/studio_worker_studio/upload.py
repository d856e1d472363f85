"""Receiving ``/complete``: multipart parsed as it comes, the file part passed on at once."""

from __future__ import annotations

import hashlib
import re

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from studio_worker_core.wire.generation import LONGEST_META, GenerationMeta, meta_from
from studio_worker_studio.errors import ApiError
from studio_worker_studio.media_types import plain_mime
from studio_worker_studio.results.interface import Incoming

_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
_META_FIELD = "generationMeta"
_MAX_FIELD_BYTES = {"prompt": 4_000_000, "ext": 64, _META_FIELD: LONGEST_META}
_FILE_FIELD = "image"


class ReceivedForm:
    """One upload (protocol §4). Feed it bytes, then :meth:`finish`. Holds no more than the
    text fields in memory."""

    def __init__(self, content_type: str, incoming: Incoming, max_bytes: int) -> None:
        """
        Raises:
            ApiError: ``content_type`` is no multipart form.
        """
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise _bad("a result is delivered as multipart/form-data")
        self._incoming = incoming
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._fields: dict[str, bytearray] = {}
        self._headers: dict[bytes, bytes] = {}
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._part = ""
        self._ended = False
        self._has_file = False
        self._content_type = ""
        self.size = 0
        """Bytes of the file so far."""
        try:
            self._parser = self._new_parser(boundary)
        except FormParserError as error:
            raise _bad(str(error)) from None

    def _new_parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Blocks on where the file is kept.

        Raises:
            ApiError: no form, or larger than allowed.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _bad(str(error)) from None

    def finish(self) -> None:
        """The body is over: the file is whole.

        Raises:
            ApiError: the form is cut off, or lacks a field.
        """
        if not self._ended:
            raise _bad("the form is cut off")
        if not self._has_file:
            raise _bad(f"the form has no file field {_FILE_FIELD!r}")
        if not self.size:
            raise _bad("the file is empty")
        if _EXTENSION.fullmatch(self._text("ext")) is None:
            raise _bad("the field 'ext' must be 1 to 16 letters and digits")
        self._incoming.finish()

    @property
    def ext(self) -> str:
        """The file's extension, lower case."""
        return self._text("ext").lower()

    @property
    def prompt(self) -> str | None:
        """The prompt, None when the field is absent."""
        return self._text("prompt") if "prompt" in self._fields else None

    @property
    def meta(self) -> GenerationMeta | None:
        """How the file was made; None when that is absent, broken or too long."""
        return meta_from(self._fields.get(_META_FIELD))

    @property
    def mime(self) -> str | None:
        """The file part's own content type, None when it says nothing useful."""
        return plain_mime(self._content_type)

    @property
    def sha256(self) -> str:
        """Of the file's bytes so far, in hex."""
        return self._digest.hexdigest()

    def _text(self, name: str) -> str:
        return self._fields.get(name, bytearray()).decode("utf-8", "replace")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        if self._part == _FILE_FIELD:
            if self._has_file:
                raise _bad(f"the form has two fields {_FILE_FIELD!r}")
            self._has_file = True
            self._content_type = self._headers.get(b"content-type", b"").decode("latin-1")
        elif self._part in _MAX_FIELD_BYTES:
            self._fields[self._part] = bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == _FILE_FIELD:
            self.size += end - start
            if self.size > self._max_bytes:
                raise ApiError(
                    413, "too_large", f"a result may have at most {self._max_bytes} bytes"
                )
            piece = memoryview(data)[start:end]
            self._digest.update(piece)
            self._incoming.write(piece)
        elif self._part in self._fields:
            field = self._fields[self._part]
            if len(field) + end - start > _MAX_FIELD_BYTES[self._part]:
                if self._part == _META_FIELD:
                    del self._fields[_META_FIELD]  # the result counts all the same
                    return
                raise ApiError(413, "too_large", f"the field {self._part!r} is too long")
            field.extend(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


def _bad(reason: str) -> ApiError:
    return ApiError(400, "bad_upload", reason)
