"""Calling a plugin's code so that nothing it does can hurt the host."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import pluggy
from msgspec import Struct

__all__ = ["Guarded", "call_guarded", "describe_error", "place_of_error"]

T = TypeVar("T")

_OWN_ROOTS = (
    str(Path(__file__).parent / "guarded.py"),
    str(Path(__file__).parent / "loading.py"),
    str(Path(pluggy.__file__).parent),
    "<frozen importlib",
)


class Guarded(Struct, Generic[T], frozen=True):
    """How a guarded call ended: with a value, with an error, or not at all."""

    value: T | None = None
    error: BaseException | None = None
    finished: bool = True
    cpu_ms: float = 0.0


def call_guarded(call: Callable[[], T], *, seconds: float) -> Guarded[T]:
    """Run foreign code on a daemon thread and wait at most ``seconds`` for it.

    The thread keeps ``sys.exit`` and a ``KeyboardInterrupt`` raised by the plugin apart from
    the operator's own Ctrl-C, and lets the host go on when the call never returns.
    """
    outcome: list[Guarded[T]] = []

    def work() -> None:
        started = time.thread_time()
        try:
            value = call()
        except BaseException as error:  # foreign code: SystemExit is caught too
            outcome.append(Guarded(error=error, cpu_ms=_ms_since(started)))
        else:
            outcome.append(Guarded(value=value, cpu_ms=_ms_since(started)))

    thread = threading.Thread(target=work, name="plugin-call", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else Guarded(finished=False)


def describe_error(error: BaseException) -> str:
    """One line: the kind of error and its text, at most 500 characters."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text}"[:500] if text else name


def place_of_error(error: BaseException) -> str | None:
    """``file:line`` in the plugin's own code where ``error`` arose, if that can be told."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 0}"
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if not frame.filename.startswith(_OWN_ROOTS):
            return f"{frame.filename}:{frame.lineno}"
    return None


def _ms_since(started: float) -> float:
    return round((time.thread_time() - started) * 1000, 2)
