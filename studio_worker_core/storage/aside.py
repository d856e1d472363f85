"""Moving what cannot be used out of the way, under a new name and never over another."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.storage.atomic import shortened


def set_aside(path: Path, *, word: str = "corrupt", now: Callable[[], float] = time.time) -> Path:
    """Rename it to ``<name>.<word>-<UTC time>``, with a number behind where that is taken; the
    new path. Raises OSError, FileNotFoundError when it has gone."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now()))
    return move_to_free(path, path.with_name(f"{shortened(path.name)}.{word}-{stamp}"))


def move_to_free(path: Path, wanted: Path) -> Path:
    """Rename ``path`` to ``wanted``, or to ``wanted-2``, ``-3`` … where that is taken; the new
    path. Whatever another process puts there meanwhile stays. Raises OSError."""
    is_directory = stat.S_ISDIR(path.lstat().st_mode)
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in itertools.count(2))
    for target in itertools.chain([wanted], numbered):
        try:
            placeholder = _taken(target, is_directory)
        except FileExistsError:
            continue
        break
    try:
        path.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            if placeholder:
                (target.rmdir if is_directory else target.unlink)()
        raise
    return target


def _taken(target: Path, is_directory: bool) -> bool:
    """Take the name for us, with something empty that a rename may replace; False where the
    disk has no room even for that, and the name is only known to be free."""
    try:
        if not is_directory:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        elif os.name != "nt":
            target.mkdir(0o700)
        elif os.path.lexists(target):  # there a directory replaces nothing
            raise FileExistsError(target)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        return False
    return True
