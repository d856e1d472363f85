"""Small files written whole or not at all, and locks held while a file is worked on."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from studio_worker_core import file_lock

__all__ = ["held", "replace_durably", "set_aside", "sync_directory"]

_LOOK_SECONDS = 0.1


def sync_directory(directory: Path) -> None:
    """Have a rename in ``directory`` survive a power cut, where the platform can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems cannot sync a directory; the rename itself is done.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Make ``data`` the content of ``path``: a reader sees the old bytes or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if sync:
        sync_directory(path.parent)


def set_aside(path: Path, *, now: Callable[[], float] = time.time) -> Path:
    """Rename a file that cannot be read to ``<name>.corrupt-<time>``; the new path."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now()))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    path.replace(aside)
    return aside


@contextlib.contextmanager
def held(lock: Path, pause: Callable[[float], object] | None = None) -> Iterator[None]:
    """Hold ``lock`` (a file, made when missing) against other threads and processes.

    Waits for its holder; ``pause(seconds)`` may raise to give up. The empty file stays:
    removing it would let two holders have two files of the same name.
    """
    wait = pause or threading.Event().wait
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not file_lock.acquire(descriptor):
            wait(_LOOK_SECONDS)
        try:
            yield
        finally:
            file_lock.release(descriptor)
    finally:
        os.close(descriptor)
