"""From what an engine left behind to a result that can be kept."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from studio_worker_core.errors import EngineFailed, OutboxError
from studio_worker_core.outbox.manifest import Draft, Entry, Manifest
from studio_worker_core.outbox.ownership import DRAFT_MARKER
from studio_worker_core.outbox.writing import disk_errors
from studio_worker_core.storage.disk import Disk
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.media_types import mime_for


def completed(
    disk: Disk,
    draft: Draft,
    result: Path,
    *,
    mime: str | None,
    created: datetime,
    boot: str,
    meta: GenerationMeta | None = None,
) -> Entry:
    """Leave a judged result alone in the draft's directory, for its owner only.

    Only the manifest of the returned entry is left to be written.

    Raises:
        EngineFailed: it cannot be described.
        OutboxError: it cannot be written.
    """
    ext = result.suffix.removeprefix(".").lower()
    path = draft.directory / f"result.{ext}"
    try:
        digest, size = _keep(disk, draft, result, path)
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
        task=draft.task,
        meta=meta,
    )
    try:
        msgspec.convert(msgspec.to_builtins(manifest), Manifest)
    except msgspec.ValidationError as error:
        # Better a failed job now than a manifest that cannot be read after a restart.
        raise EngineFailed(f"the engine's result cannot be described: {error}") from error
    return Entry(draft.directory, manifest)


def _keep(disk: Disk, draft: Draft, result: Path, path: Path) -> tuple[str, int]:
    """Put ``result`` at ``path``, alone there: its SHA-256 and how many bytes it has."""
    with disk_errors(disk, path):
        if result.name != path.name:
            disk.move(result, path)
        disk.make_private(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    _clear(disk, draft, path)
    return digest, size


def _clear(disk: Disk, draft: Draft, result: Path) -> None:
    with disk_errors(disk, draft.directory):
        for stray in list(draft.directory.iterdir()):
            if stray == result or stray.name == DRAFT_MARKER:
                continue
            if stray.is_dir() and not stray.is_symlink():
                disk.remove_tree(stray)
            else:
                disk.remove_file(stray)
