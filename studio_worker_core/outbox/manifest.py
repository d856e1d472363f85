"""What the outbox knows about one result, as kept beside it in ``manifest.json``."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.errors import OutboxError
from studio_worker_core.wire.bounds import Extension, Identifier, MimeType, Name, Sha256
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind

__all__ = [
    "MANIFEST_NAME",
    "MANIFEST_VERSION",
    "Draft",
    "Entry",
    "Manifest",
    "Refusal",
    "directory_name",
    "is_current",
    "read_manifest",
]

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin|conout|com[0-9]|lpt[0-9])(\..*)?")
_LONGEST_MANIFEST = 64 * 1024 * 1024


class Refusal(Struct, frozen=True):
    """Why a result will not be delivered."""

    reason: str
    at: datetime
    status: int | None = None
    """HTTP status the studio answered with; None when no answer was involved."""


class Manifest(Struct, frozen=True, kw_only=True):
    """The books of one finished result. ``bytes`` and ``sha256`` are those of its file."""

    version: int = MANIFEST_VERSION
    job: Identifier
    worker: Name
    kind: TaskKind
    model: Name
    engine: Name
    ext: Extension
    mime: MimeType
    prompt: str
    """The whole prompt that goes with the result, never truncated (protocol §4)."""
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0)]
    created: datetime
    boot: str = ""
    """Which start of the worker made it: a session number means something only within it."""
    session: int | None = None
    """Number of the session that the job was accepted on."""
    attempts: int = 0
    last_error: str | None = None
    refused: Refusal | None = None


class Entry(Struct, frozen=True):
    """One finished result on disk."""

    directory: Path
    manifest: Manifest

    @property
    def key(self) -> str:
        """Name of its directory: unique in the outbox, safe to show and to type."""
        return self.directory.name

    @property
    def job_id(self) -> str:
        """The studio's id of the job."""
        return self.manifest.job

    @property
    def path(self) -> Path:
        """The result itself: the produced file, or ``result.json`` with the JSON answer."""
        return self.directory / f"result.{self.manifest.ext}"

    @property
    def is_json(self) -> bool:
        """True when the result goes as ``completeJson`` and not to ``/complete``."""
        return self.manifest.kind not in BINARY_KINDS


class Draft(Struct, frozen=True):
    """A job being worked on: where its engine writes, and what its manifest will say."""

    job_id: str
    worker_id: str
    session_number: int | None
    kind: TaskKind
    model: str
    engine: str
    prompt: str
    directory: Path
    """The result goes here as ``result.<ext>``."""
    scratch: Path
    """For inputs and temporary files; removed when the job ends."""


def directory_name(job_id: str) -> str:
    """A plain directory name for ``job_id``, the same on every platform and run.

    Lower-case plain ids keep their name. Anything else (separators, upper case, which some
    file systems fold, device names, long ids) becomes ``_`` and a hash, which no plain id
    starts with.
    """
    if _PLAIN.fullmatch(job_id) and not _DEVICES.fullmatch(job_id) and job_id[-1] != ".":
        return job_id
    return "_" + hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def read_manifest(directory: Path) -> Manifest:
    """The manifest in ``directory``.

    Raises:
        FileNotFoundError: there is none: the job was not finished, or has gone meanwhile.
        OutboxError: it cannot be used; the message says why.
    """
    path = directory / MANIFEST_NAME
    try:
        if path.stat().st_size > _LONGEST_MANIFEST:
            raise OutboxError(f"{path} is too long for a manifest", path=path)
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OutboxError(f"{path} cannot be read: {error}", path=path) from error
    if manifest.version > MANIFEST_VERSION:
        raise OutboxError(
            f"{path} was written by a newer studio-worker (manifest version "
            f"{manifest.version}, this one reads {MANIFEST_VERSION}); upgrade to deliver it",
            path=path,
        )
    return manifest


def is_current(entry: Entry) -> bool:
    """Whether ``entry`` is still where it was, and not a newer result of the same job."""
    try:
        found = read_manifest(entry.directory)
    except (FileNotFoundError, OutboxError):
        return False
    mine = entry.manifest
    return (found.job, found.sha256, found.created) == (mine.job, mine.sha256, mine.created)
