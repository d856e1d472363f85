"""Looking at foreign bytes in a process of its own, within bounds of time and memory.

A decoder that is fed by an engine may loop, eat all memory or crash. It does so in a child
that is ended, and what happened is said in words.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from studio_worker_core.processes.answering import ANSWER
from studio_worker_core.processes.asked import Ended, ask_process
from studio_worker_core.processes.deaths import cause_of_death

SECONDS = 60.0
"""How long one file may take, in seconds."""
MEMORY_BYTES = 4 * 1024**3
"""How much address space the process may have, where the system can limit that."""

_MOST_ANSWER = 1024 * 1024


class Raised(Exception):
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
        Raised: it raised an exception; the message is that one's.
        GaveUp: no answer came of it.
    """
    request = {
        "function": function,
        "arguments": arguments,
        "memory_bytes": memory_bytes,
        "seconds": seconds,
    }
    with tempfile.TemporaryDirectory(
        prefix="studio-worker-", ignore_cleanup_errors=True
    ) as directory:
        scratch = Path(directory)
        ended = ask_process(
            f"{__package__}.apart_child",
            request,
            scratch,
            who=function,
            seconds=seconds,
            variables=dict.fromkeys(_THREADS, "1"),
        )
        found = _answer(scratch / ANSWER, ended, seconds)
    if "refused" in found:
        raise Raised(found["refused"])
    if "memory" in found:
        raise GaveUp(f"it needs more than {memory_bytes / 1024**3:.3g} GiB of memory")
    return found["value"]


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each thread of these libraries reserves memory that the limit counts."""


def _answer(file: Path, ended: Ended, seconds: float) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            found: dict[str, Any] = json.loads(stream.read(_MOST_ANSWER))
    except FileNotFoundError:
        if ended.seconds >= seconds:
            raise GaveUp(f"it was not done within {seconds:g} s") from None
        raise GaveUp(cause_of_death(ended.returncode, out_of_memory=False, output=())) from None
    except (ValueError, RecursionError) as error:
        raise GaveUp(f"its process left an answer that cannot be read: {error}") from None
    return found
