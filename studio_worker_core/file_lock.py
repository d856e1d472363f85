"""An exclusive lock on an open file, held by this process until it is released or dies.

POSIX ``flock`` or the Windows byte-range lock: the kernel drops both when the holder ends,
``kill -9`` included, so a lock is never stale.
"""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["acquire", "release"]

if sys.platform == "win32":
    import msvcrt

    # Far past anything written, so that the locked byte stays out of the readable text.
    _OFFSET = 1 << 30

    def acquire(descriptor: int) -> bool:
        """Take the lock without waiting; False when another holder has it."""
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def release(descriptor: int) -> None:
        """Give the lock back; harmless when it is not held."""
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def acquire(descriptor: int) -> bool:
        """Take the lock without waiting; False when another holder has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(descriptor: int) -> None:
        """Give the lock back; harmless when it is not held."""
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
