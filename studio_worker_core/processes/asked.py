"""A process that is asked one thing: started, waited for within bounds, and ended with all that
it started.

Request and answer are files of a scratch directory, so that nothing the foreign code prints
passes for the answer. The process's side of it is :mod:`.answering`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio_worker_core.processes.answering import REQUEST
from studio_worker_core.processes.environment import plugin_environment
from studio_worker_core.processes.guard import kill_group
from studio_worker_core.processes.output_tail import OutputTail

_DRAIN_SECONDS = 2.0
_POLL_SECONDS = 0.05


class Ended(Struct, frozen=True):
    """How it went."""

    returncode: int
    """As :class:`subprocess.Popen` gives it, negative for a signal."""
    seconds: float
    """How long it took."""
    said: Sequence[str]
    """The last lines it printed, on either stream."""


def ask_process(
    module: str,
    request: Mapping[str, Any],
    scratch: Path,
    *,
    who: str,
    seconds: float,
    interpreter: str | None = None,
    variables: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Ended:
    """Run ``module`` as a script, which finds ``request`` in ``scratch`` and leaves its answer
    there, and wait for its end.

    It works in a directory of its own below ``scratch``, in a session of its own, and with the
    environment that plugins get.

    :param request: JSON data; see :func:`request_bytes`.
    :param scratch: an empty directory, which the caller removes.
    :param who: whose code runs, for the log.
    :param seconds: after these it is killed.
    :param interpreter: the Python that runs it, when it is not this one.
    :param variables: more of its environment.
    :param stop: once set, it is killed.

    Raises:
        OSError: it cannot be started.
    """
    started = time.monotonic()
    popen = _start(module, request, scratch, interpreter, variables or {})
    tail = OutputTail(who)
    try:
        reader = threading.Thread(
            target=_drain, args=(popen, tail), name="asked-output", daemon=True
        )
        reader.start()
        _wait(popen, reader, started + seconds, stop or threading.Event())
    finally:
        kill_group(popen.pid)  # what it started goes with it
        popen.kill()
        popen.wait()
    reader.join(_DRAIN_SECONDS)
    return Ended(popen.returncode, time.monotonic() - started, tail.last())


def request_bytes(request: Mapping[str, Any], interpreter: str | None = None) -> bytes:
    """A request in one line, with what every process of a plugin's code is told: whose child it
    is, and where its parent finds modules (one of another Python has its own places)."""
    told = {
        **request,
        "parent": os.getpid(),
        "search_path": [] if interpreter else [path for path in sys.path if path],
    }
    # Escaped, since paths of a C locale hold bytes that no encoding takes.
    return json.dumps(told, ensure_ascii=True).encode("ascii")


def _start(
    module: str,
    request: Mapping[str, Any],
    scratch: Path,
    interpreter: str | None,
    variables: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    (scratch / REQUEST).write_bytes(request_bytes(request, interpreter))
    work = scratch / "work"
    work.mkdir()
    environment = {**plugin_environment(foreign=interpreter is not None), **variables}
    environment["TMPDIR"] = str(work)
    return subprocess.Popen(
        [interpreter or sys.executable, "-P", "-m", module, str(scratch)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env=environment,
        start_new_session=True,
    )


def _wait(
    popen: subprocess.Popen[bytes],
    reader: threading.Thread,
    deadline: float,
    stop: threading.Event,
) -> None:
    while popen.poll() is None and time.monotonic() < deadline and not stop.is_set():
        if reader.is_alive():  # its output ends with it, as a rule
            reader.join(_POLL_SECONDS)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(_POLL_SECONDS)


def _drain(popen: subprocess.Popen[bytes], tail: OutputTail) -> None:
    assert popen.stdout is not None
    with popen.stdout as stream, contextlib.suppress(OSError, ValueError):
        while data := os.read(stream.fileno(), 65536):
            tail.feed(data)
