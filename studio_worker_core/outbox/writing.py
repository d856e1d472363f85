"""Writing in the outbox, and the one place where a full disk is put into words."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from studio_worker_core.errors import OutboxError
from studio_worker_core.storage import atomic
from studio_worker_core.storage.disk import Disk, is_full, shown_bytes


def write_durably(disk: Disk, path: Path, data: bytes, *, sync: bool = True) -> None:
    """Put ``data`` at ``path``: afterwards the old file or the new one, never half of it.
    Without ``sync`` that holds whatever ends the process, but not for a power cut.

    Raises:
        OutboxError: it could not be written, with needed and free bytes on a full disk.
    """
    with disk_errors(disk, path, len(data)):
        atomic.write_whole(path, data, sync=sync, disk=disk)


@contextlib.contextmanager
def disk_errors(disk: Disk, path: Path, needed: int = 0) -> Iterator[None]:
    """Turn an OSError while writing ``path`` into an OutboxError.

    FileNotFoundError passes: another process removed the entry, which callers expect.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if not (is_full(error) or error.errno == errno.EFBIG):
            reason = error.strerror or str(error)
            raise OutboxError(f"cannot write {path}: {reason}", path=path) from error
        free = disk.free_bytes(path.parent)
        raise OutboxError(
            f"cannot write {path}: the disk is full ({shown_bytes(needed)} needed, "
            f"{shown_bytes(free)} free); free some space or raise the file size limit",
            path=path,
            needed=needed,
            free=free,
        ) from error
