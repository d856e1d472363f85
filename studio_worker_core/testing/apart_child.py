"""``python -P -m studio_worker_core.testing.apart_child SCRATCH``: one call, see :mod:`.apart`."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from typing import Any

from studio_worker_core.processes.answering import ANSWER, leave_file, take_request

_LONGEST_TEXT = 4000


def main() -> None:
    """Take the request, make the call, leave the answer."""
    scratch, request = take_request()
    _limit(request["memory_bytes"], request["seconds"])
    answer = json.dumps(_answer(request), ensure_ascii=True)
    leave_file(scratch, ANSWER, answer.encode("ascii"))
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    module, _, name = request["function"].partition(":")
    try:
        call = getattr(importlib.import_module(module), name)
        return {"value": call(*request["arguments"])}
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # decoders raise whatever they like
        return {"refused": str(error)[:_LONGEST_TEXT] or type(error).__name__}


def _limit(memory_bytes: int, seconds: float) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # POSIX only

        for what, most in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_FSIZE, 1024 * 1024),
        ):
            hard = resource.getrlimit(what)[1]
            wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (wanted, hard))


if __name__ == "__main__":
    main()
