"""``python -P -m studio_worker_core.roster.describe SCRATCH``: ask one plugin who it is.

Whatever a plugin does when it is imported or asked, it does here: it prints, changes the
directory, closes descriptors, patches modules, hangs or crashes in a process of its own, in a
scratch directory. ``stage`` and ``dump`` hold what was being done and where, for a host that
waits in vain (:mod:`.describing`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
from pathlib import Path

import msgspec

from studio_worker_core import __version__
from studio_worker_core.foreign_text import encodable_tree
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.processes.answering import ANSWER, leave_file, take_request
from studio_worker_core.roster.asking import ask_plugin
from studio_worker_core.roster.installed import Candidate

STAGE, DUMP = "stage", "dump"

_leave = os._exit  # taken before a plugin can put something else in its place


def main() -> None:
    """Answer one request and leave; no thread and no exit handler of the plugin's has a say."""
    scratch, request = take_request()
    # Ends this process from outside of Python, and says where it hung or crashed: in a file of
    # its own, since what the plugin prints meanwhile would come between the words.
    dump = os.open(f"{scratch}/{DUMP}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faulthandler.enable(dump)
    faulthandler.dump_traceback_later(request["seconds"], exit=True, file=dump)

    host = HostInfo(API_VERSION, __version__, Path(request["models_root"]))
    encode, builtins = msgspec.json.encode, msgspec.to_builtins
    description = ask_plugin(
        Candidate(*request["candidate"]),
        host,
        lambda stage: leave_file(scratch, STAGE, stage.encode()),
    )
    leave_file(scratch, ANSWER, encode(encodable_tree(builtins(description))))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # a plugin may have closed or replaced it
            stream.flush()
    _leave(0)


if __name__ == "__main__":
    main()
