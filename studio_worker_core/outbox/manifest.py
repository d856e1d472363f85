"""What the outbox knows about one result, as kept beside it in ``manifest.json``."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.errors import OutboxError
from studio_worker_core.wire.bounds import Extension, Identifier, MimeType, Name, Sha256
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import BINARY_KINDS, Task, TaskKind

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin|conout|com[0-9]|lpt[0-9])(\..*)?")
_LONGEST_MANIFEST = 64 * 1024 * 1024


class AskedJob(Protocol):
    """What a result is the answer to."""

    @property
    def job_id(self) -> str:
        """The studio's id of the job."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def task(self) -> Task:
        """What to make."""

    @property
    def model_source(self) -> ModelSource:
        """The engine, and where the model comes from."""


class Refusal(Struct, frozen=True):
    """Why a result will not be delivered."""

    reason: str
    at: datetime
    status: int | None = None
    """HTTP status the studio answered with; None when no answer was involved."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What is known of one finished result. ``bytes`` and ``sha256`` are those of its file."""

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
    task: Sha256 | None = None
    """:func:`task_digest` of the job; None in manifests of before it was kept."""
    attempts: int = 0
    last_error: str | None = None
    refused: Refusal | None = None
    meta: GenerationMeta | None = None
    """How it was made, for a studio that wants to know (protocol §3.1, ``meta``)."""


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

    def is_for(self, worker_id: str | None) -> bool:
        """Whether it may be sent under that identity (protocol §3, revoked)."""
        return self.manifest.worker == worker_id

    @property
    def path(self) -> Path:
        """The result itself: the produced file, or ``result.json`` with the JSON answer."""
        return self.directory / f"result.{self.manifest.ext}"

    @property
    def is_json(self) -> bool:
        """Whether it is a JSON answer, which goes as ``completeJson`` when a frame takes it."""
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
    task: str
    """:func:`task_digest` of the job."""
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


def task_digest(job: AskedJob) -> str:
    """SHA-256 in hex of all that an answer depends on: the task with its seed and inputs, the
    model and where it comes from."""
    parts = (job.task, job.model, job.model_source)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def read_manifest(directory: Path) -> Manifest:
    """The manifest in ``directory``.

    Raises:
        FileNotFoundError: there is none: the job was not finished, or has gone meanwhile.
        OutboxError: it cannot be used; the message says why.
    """
    path = directory / MANIFEST_NAME
    try:
        manifest = msgspec.json.decode(_bytes_of(path), type=Manifest)
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


def _bytes_of(path: Path) -> bytes:
    # Not every name there is a file of ours: opening a FIFO would wait for ever.
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise OutboxError(f"{path} is not a plain file", path=path)
    if facts.st_size > _LONGEST_MANIFEST:
        raise OutboxError(f"{path} is too long for a manifest", path=path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LONGEST_MANIFEST)


def is_current(entry: Entry) -> bool:
    """Whether ``entry`` is still where it was, and not a newer result of the same job."""
    try:
        found = read_manifest(entry.directory)
    except (FileNotFoundError, OutboxError):
        return False
    mine = entry.manifest
    return (found.job, found.sha256, found.created) == (mine.job, mine.sha256, mine.created)


def is_unreadable(directory: Path) -> bool:
    """Whether there is a manifest in ``directory``, no link, that nobody can read."""
    if directory.is_symlink():
        return False
    try:
        read_manifest(directory)
    except FileNotFoundError:
        return False
    except OutboxError:
        return True
    return False


def is_left_of(entry: Entry) -> bool:
    """Whether its directory holds it still, or what remains of it: no newer result."""
    if entry.directory.is_symlink() or not entry.directory.is_dir():
        return False
    try:
        read_manifest(entry.directory)
    except (FileNotFoundError, OutboxError):
        return True
    return is_current(entry)
