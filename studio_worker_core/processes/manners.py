"""How a process that runs plugin code behaves towards the machine and its parent."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from pathlib import Path

from studio_worker_core.processes.exit_codes import LOST_WORKER

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process when its parent does (Linux); at once when it is gone already."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.name == "posix" and os.getppid() != parent:
        os._exit(LOST_WORKER)  # it went before the line above took effect


def be_modest() -> None:
    """Be the first to go when memory runs out, leave no core file, say where it crashed."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # POSIX only

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    faulthandler.enable(all_threads=False)
    root = str(Path(__file__).resolve().parents[2])
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if given[0] == root:  # put there by the host for this process alone
        os.environ["PYTHONPATH"] = os.pathsep.join(given[1:])
        if not os.environ["PYTHONPATH"]:
            del os.environ["PYTHONPATH"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="replace")
