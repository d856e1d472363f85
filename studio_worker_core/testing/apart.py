"""Looking at foreign bytes in a process of its own, within bounds of time and memory.

A decoder that is fed by an engine may loop, eat all memory or crash. It does so in a child
that is ended, and what happened is said in words.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

from studio_worker_core.processes.environment import plugin_environment
from studio_worker_core.processes.guard import kill_group

__all__ = ["MEMORY_BYTES", "SECONDS", "GaveUp", "Refused", "apart"]

SECONDS = 60.0
"""How long one file may take, in seconds."""
MEMORY_BYTES = 4 * 1024**3
"""How much address space the process may have, where the system can limit that."""

_MOST_ANSWER = 1024 * 1024


class Refused(Exception):
    """The function raised: the file is not what it should be."""


class GaveUp(Exception):
    """The function came to no end: too slow, too large, or its process crashed."""


def apart(
    function: str,
    *arguments: Any,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Any:
    """Call ``module:name`` with JSON data in another process; its answer, JSON data too.

    Raises:
        Refused: it raised an exception; the message is that one's.
        GaveUp: no answer came of it.
    """
    request = {
        "parent": os.getpid(),
        "search_path": [path for path in sys.path if path],
        "function": function,
        "arguments": arguments,
        "memory_bytes": memory_bytes,
        "seconds": seconds,
    }
    environment = plugin_environment() | dict.fromkeys(_THREADS, "1")
    with tempfile.TemporaryDirectory(
        prefix="studio-worker-", ignore_cleanup_errors=True
    ) as scratch:
        environment["TMPDIR"] = scratch
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.apart_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env=environment,
            start_new_session=True,
        )
        try:
            told = json.dumps(request, ensure_ascii=True).encode("ascii")
            answer, _ = process.communicate(told, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise GaveUp(f"it was not done within {seconds:g} s") from None
        finally:
            _end(process)
    return _read(answer[:_MOST_ANSWER], process.returncode, memory_bytes)


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each thread of these libraries reserves memory that the limit counts."""


def _read(answer: bytes, code: int, memory_bytes: int) -> Any:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        raise GaveUp(f"the process that decodes it ended with {_cause(code)}") from None
    if "refused" in found:
        raise Refused(found["refused"])
    if "memory" in found:
        raise GaveUp(f"it needs more than {memory_bytes / 1024**3:.3g} GiB of memory")
    return found["value"]


def _cause(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"status {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    kill_group(process.pid)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
