"""The head of an HTTP answer counts only when it arrived whole."""

from __future__ import annotations

import errno
import http.client
from typing import BinaryIO, cast


class WholeHeadResponse(http.client.HTTPResponse):
    """An answer whose head ends with its empty line.

    ``http.client`` takes the end of the connection for the end of a head: a studio that dies
    behind ``HTTP/1.1 200`` would have taken a result that it never saw.
    """

    def begin(self) -> None:
        """Read the head.

        Raises:
            ConnectionResetError: the connection ended within it.
        """
        body = self.fp
        self.fp = cast("BinaryIO", _HeadLines(body))  # type: ignore[assignment]
        super().begin()
        self.fp = body


class _HeadLines:
    """What :class:`http.client.HTTPResponse` needs of a file while it reads a head."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = False

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        if not self._begun and not b"HTTP/".startswith(line[:5]):
            return line  # no head at all, and to be named as that
        # Nothing at all is a kept connection that was closed, which the caller knows by itself.
        if len(line) < size and not line.endswith(b"\n") and (line or self._begun):
            raise ConnectionResetError(
                errno.ECONNRESET, "the connection ended in the head of the answer"
            )
        self._begun = True
        return line

    def close(self) -> None:
        self._file.close()

    def flush(self) -> None:
        self._file.flush()
