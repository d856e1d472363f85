"""A result on its way to the studio: a multipart body that streams from disk (protocol §4)."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from studio_worker_core.errors import OutboxError, ResultDamaged, TransportError
from studio_worker_core.wire.generation import GenerationMeta


@dataclass(frozen=True)
class ResultUpload:
    """One finished file and what is sent with it.

    ``mime`` is the content type of ``ext``; ``file_name`` is ``<jobId>.<ext>``. ``abort`` is
    asked before every chunk; once it says True the upload ends with TransportError. A prompt
    of None is left out. With
    ``sha256`` (64 hex digits) a file that has changed is never sent whole.
    """

    path: Path
    ext: str
    mime: str
    prompt: str | None
    file_name: str
    abort: Callable[[], bool] | None = None
    sha256: str | None = None
    meta: GenerationMeta | None = None
    """How it was made (protocol §3.1, ``meta``)."""

    def open(self) -> MultipartBody:
        """A fresh body for one attempt; close it after the call.

        Raises:
            OutboxError: the file cannot be read.
            ResultDamaged: it is no plain file any more.
        """
        return MultipartBody(self)


class MultipartBody:
    """A file-like body of known length; holds one chunk of the file at a time."""

    def __init__(self, upload: ResultUpload) -> None:
        self._upload = upload
        try:
            if not stat.S_ISREG(upload.path.lstat().st_mode):
                raise self._damaged("it is no plain file")
            self._file: BinaryIO = upload.path.open("rb")
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        self.file_bytes = os.fstat(self._file.fileno()).st_size
        if not self.file_bytes and upload.sha256 is not None:
            self._file.close()
            raise self._damaged("it is empty")
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head, tail = _envelope(upload, boundary)
        self._head = memoryview(head)
        self._tail = memoryview(tail)
        self._file_left = self.file_bytes
        self._digest = hashlib.sha256()
        self.on_sent: Callable[[], None] = lambda: None
        """Called once everything has been read for sending."""
        self._length = len(head) + self.file_bytes + len(tail)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next chunk, of at most ``size`` bytes; empty at the end.

        Raises:
            TransportError: ``abort`` said so.
            ResultDamaged: the bytes are not those of ``sha256``; the last were not sent.
            OutboxError: the file can no longer be read.
        """
        if self._upload.abort is not None and self._upload.abort():
            raise TransportError("complete", "stopped before the upload was through")
        wanted = size if size >= 0 else self._length
        if self._head:
            chunk, self._head = bytes(self._head[:wanted]), self._head[wanted:]
            return chunk
        if self._file_left:
            return self._read_file(wanted)
        chunk, self._tail = bytes(self._tail[:wanted]), self._tail[wanted:]
        if not chunk and wanted:
            self.on_sent()
        return chunk

    def _read_file(self, wanted: int) -> bytes:
        try:
            chunk = self._file.read(min(wanted, self._file_left))
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        if not chunk and wanted:
            raise self._damaged("it became shorter during the upload")
        self._file_left -= len(chunk)
        self._digest.update(chunk)
        expected = self._upload.sha256
        if not self._file_left and expected is not None and self._digest.hexdigest() != expected:
            # Held back: a body that ends early is no result to any studio.
            raise self._damaged("its SHA-256 has changed")
        return chunk

    def _damaged(self, reason: str) -> ResultDamaged:
        path = self._upload.path
        return ResultDamaged(f"{path} is not what was kept: {reason}", path=path)

    def _unreadable(self, reason: str) -> OutboxError:
        path = self._upload.path
        return OutboxError(f"cannot read the result {path}: {reason}", path=path)


def _envelope(upload: ResultUpload, boundary: str) -> tuple[bytes, bytes]:
    texts = {"ext": upload.ext}
    if upload.prompt is not None:
        texts = {"prompt": upload.prompt} | texts
    if upload.meta is not None:
        texts["generationMeta"] = msgspec.json.encode(upload.meta).decode()
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        for name, text in texts.items()
    )
    file_part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; '
        f'filename="{_quoted(upload.file_name)}"\r\nContent-Type: {_one_line(upload.mime)}\r\n\r\n'
    )
    # A prompt may hold a lone surrogate (JSON allows it); it must not cost the result.
    head = (fields + file_part).encode("utf-8", errors="replace")
    return head, f"\r\n--{boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
