"""Ctrl-C: a job that it stops, and what it leaves behind, said by the command that it ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import typer

from studio_worker_core.errors import JobCancelled


@contextlib.contextmanager
def saying_what_stays(words: str) -> Iterator[None]:
    """Say ``words`` on standard error when the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            typer.echo(words, err=True)
        raise


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set while this is entered; a second Ctrl-C interrupts.

    Raises:
        KeyboardInterrupt: the event stopped a job.
    """
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except JobCancelled:
        if stop.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
