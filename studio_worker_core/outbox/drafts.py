"""From what an engine left behind to a result that can be kept."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from studio_worker_core.errors import EngineFailed, OutboxError
from studio_worker_core.host.disk import shown_bytes
from studio_worker_core.media_types import mime_for, reason_against
from studio_worker_core.outbox.disk import Disk, write_whole, writing
from studio_worker_core.outbox.manifest import Draft, Entry, Manifest
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES

__all__ = ["LONGEST_JSON", "FileAnswer", "JsonAnswer", "completed"]

_EXTENSION = re.compile(r"[a-z0-9]{1,16}")

LONGEST_JSON = MAX_FRAME_BYTES - 64 * 1024
"""Longest JSON answer in bytes: it must fit into one frame with its envelope."""


@runtime_checkable
class FileAnswer(Protocol):
    """A result that is a file."""

    @property
    def path(self) -> Path:
        """The file, directly in the draft's directory."""

    @property
    def ext(self) -> str:
        """The true type of its bytes, without a dot."""


@runtime_checkable
class JsonAnswer(Protocol):
    """A result that is a JSON value."""

    @property
    def value(self) -> Any:
        """The value."""


def completed(
    disk: Disk,
    draft: Draft,
    answer: FileAnswer | JsonAnswer,
    *,
    mime: str | None,
    created: datetime,
    boot: str,
) -> Entry:
    """Check the answer and put it on stable storage, alone in the draft's directory.

    Only the manifest of the returned entry is left to be written.

    Raises:
        EngineFailed: the answer cannot be used.
        OutboxError: it cannot be written.
    """
    try:
        if isinstance(answer, FileAnswer):
            ext = answer.ext.lower()
            path = _take_file(disk, draft, answer.path, ext)
        else:
            ext = "json"
            path = _write_json(disk, draft, answer.value)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        _clear(disk, draft, path)
    except FileNotFoundError as error:
        raise OutboxError(
            f"the result of job {draft.job_id} vanished from {draft.directory}",
            path=draft.directory,
        ) from error
    manifest = Manifest(
        job=draft.job_id,
        worker=draft.worker_id,
        kind=draft.kind,
        model=draft.model,
        engine=draft.engine,
        ext=ext,
        mime=mime or mime_for(ext),
        prompt=draft.prompt,
        sha256=digest,
        bytes=size,
        created=created,
        boot=boot,
        session=draft.session_number,
    )
    try:
        msgspec.convert(msgspec.to_builtins(manifest), Manifest)
    except msgspec.ValidationError as error:
        # Better a failed job now than a manifest that cannot be read after a restart.
        raise EngineFailed(f"the engine's result cannot be described: {error}") from error
    return Entry(draft.directory, manifest)


def _take_file(disk: Disk, draft: Draft, source: Path, ext: str) -> Path:
    if not _EXTENSION.fullmatch(ext):
        raise EngineFailed(f"the engine's result has an impossible extension: {ext[:40]!r}")
    if source.parent.resolve() != draft.directory.resolve() or source.is_symlink():
        raise EngineFailed(f"the engine left its result at {source}, outside its directory")
    reason = reason_against(source, ext)
    if reason is not None:
        raise EngineFailed(f"the engine's result cannot be used: {reason}")
    path = draft.directory / f"result.{ext}"
    with writing(disk, path):
        if source.name != path.name:
            disk.move(source, path)
        disk.keep_file(path)
    return path


def _write_json(disk: Disk, draft: Draft, value: Any) -> Path:
    try:
        data = msgspec.json.encode(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise EngineFailed(f"the engine's answer is no JSON value: {error}") from error
    if len(data) > LONGEST_JSON:
        raise EngineFailed(
            f"the engine's answer has {shown_bytes(len(data))}; "
            f"one frame takes {shown_bytes(LONGEST_JSON)}",
            retryable=False,
        )
    path = draft.directory / "result.json"
    write_whole(disk, path, data)
    return path


def _clear(disk: Disk, draft: Draft, result: Path) -> None:
    with writing(disk, draft.directory):
        for stray in list(draft.directory.iterdir()):
            if stray == result:
                continue
            if stray.is_dir() and not stray.is_symlink():
                disk.remove_tree(stray)
            else:
                disk.remove_file(stray)
