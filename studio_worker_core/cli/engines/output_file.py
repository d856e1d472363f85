"""Putting a result where it was asked for: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from studio_worker_core.errors import JobCancelled
from studio_worker_core.storage.atomic import replacing

_BLOCK = 1 << 20
_OPEN_SECONDS = 0.05


def is_stream(target: Path) -> bool:
    """Whether ``target`` is written into where it stands and not replaced: ``-``, standard
    output by another name, a device, a FIFO."""
    if _is_standard_output(target):
        return True
    try:
        mode = target.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def is_terminal_output(target: Path) -> bool:
    """Whether ``target`` is standard output, and that a terminal."""
    return _is_standard_output(target) and sys.stdout.isatty()


def put_file(result: Path, target: Path, cancel: threading.Event) -> None:
    """Copy ``result`` to ``target``: whoever looks sees the old file or the new one, never a
    part. What :func:`is_stream` tells of is written into.

    :param cancel: ends the wait for the reader of a FIFO.

    Raises:
        OSError: it cannot be written; an old file stands.
        JobCancelled: ``cancel`` was set.
    """
    with result.open("rb") as source, _named(target):
        _put(source, target, cancel)


def put_text(text: str, target: Path, cancel: threading.Event) -> None:
    """As :func:`put_file`, for a text."""
    with _named(target):
        _put(io.BytesIO(text.encode("utf-8", "backslashreplace")), target, cancel)


def free_name(wanted: Path) -> Path:
    """``wanted``, or with a number before its suffix where there is something already."""
    names = (wanted.with_stem(f"{wanted.stem}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain([wanted], names) if not os.path.lexists(path))


@contextlib.contextmanager
def _named(target: Path) -> Iterator[None]:
    """Let an OSError name the file that was asked for, and not our draft of it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = "standard output" if str(target) == "-" else str(target)
        raise


def _put(source: BinaryIO, target: Path, cancel: threading.Event) -> None:
    if _is_standard_output(target):
        sys.stdout.flush()
        shutil.copyfileobj(source, sys.stdout.buffer, _BLOCK)
        sys.stdout.buffer.flush()
        return
    if is_stream(target):
        with os.fdopen(_opened(target, cancel), "wb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
        return
    # A link stays one: what it points to is replaced.
    with replacing(Path(os.path.realpath(target))) as file:
        shutil.copyfileobj(source, file, _BLOCK)


def _is_standard_output(target: Path) -> bool:
    if str(target) == "-":
        return True
    try:
        return os.path.samestat(target.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False


def _opened(target: Path, cancel: threading.Event) -> int:
    """``target`` open for writing; a FIFO once somebody reads from it."""
    while True:
        try:
            descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO or not target.is_fifo():
                raise
            if cancel.wait(_OPEN_SECONDS):
                raise JobCancelled(f"nobody read from {target}") from None
            continue
        os.set_blocking(descriptor, True)
        return descriptor
