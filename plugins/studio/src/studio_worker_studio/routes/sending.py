"""Answering with a file, whole or in parts (RFC 9110, 14)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from email.utils import formatdate

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from studio_worker_studio.ranges import Span
from studio_worker_studio.results.interface import ResultReader

_PIECE_BYTES = 256 * 1024
"""How much is read at once."""


class FileAnswer(StreamingResponse):
    """The file behind ``reader``, or the ``parts`` of it; closes ``reader`` when it is sent.

    :param headers: what is said beside type, length and age.
    """

    def __init__(
        self,
        reader: ResultReader,
        parts: Sequence[Span] | None,
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        self._reader = reader
        size = reader.size
        said = {
            "Accept-Ranges": "bytes",
            "Last-Modified": formatdate(reader.modified, usegmt=True),
            **headers,
        }
        # A part goes out behind what introduces it.
        plan = [(b"", span) for span in parts or [(0, size)]]
        if parts is not None and len(parts) == 1:
            said["Content-Range"] = _content_range(parts[0], size)
        elif parts is not None:
            border = secrets.token_hex(13)
            head = f"\r\n--{border}\r\nContent-Type: {media_type}\r\nContent-Range: "
            plan = [
                (f"{head}{_content_range(span, size)}\r\n\r\n".encode("latin-1"), span)
                for span in parts
            ]
            plan.append((f"\r\n--{border}--\r\n".encode("latin-1"), (0, 0)))
            media_type = f"multipart/byteranges; boundary={border}"
        length = sum(len(head) + end - start for head, (start, end) in plan)
        super().__init__(
            _body(reader, plan),
            status_code=200 if parts is None else 206,
            headers={**said, "Content-Length": str(length)},
            media_type=media_type,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self.body_iterator = _body(self._reader, ())
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._reader.close()


async def _body(reader: ResultReader, plan: Sequence[tuple[bytes, Span]]) -> AsyncIterator[bytes]:
    for head, (start, end) in plan:
        if head:
            yield head
        while start < end:
            piece = await run_in_threadpool(reader.read, start, min(end - start, _PIECE_BYTES))
            if not piece:
                raise RuntimeError(f"a result has only {start} of its {reader.size} bytes")
            start += len(piece)
            yield piece


def _content_range(span: Span, size: int) -> str:
    return f"bytes {span[0]}-{span[1] - 1}/{size}"
