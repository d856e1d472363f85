"""``python -P -m studio_worker_core.roster.describe SCRATCH``: ask one plugin who it is.

Whatever a plugin does when it is imported or asked, it does here: it prints, changes the
directory, closes descriptors, patches modules, hangs or crashes in a process of its own, in a
scratch directory. ``request.json`` says what to ask; ``answer.json`` holds what came of it;
``stage`` and ``dump`` hold what was being done and where, for a host that waits in vain
(:mod:`.describing`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
from pathlib import Path

import msgspec

from studio_worker_core import __version__
from studio_worker_core.foreign_text import encodable_tree
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.processes.manners import be_modest, die_with
from studio_worker_core.roster.asking import ask_plugin
from studio_worker_core.roster.installed import Candidate

REQUEST, ANSWER, STAGE, DUMP = "request.json", "answer.json", "stage", "dump"

# Taken before a plugin can put something else in their place.
_open, _write, _close, _replace, _leave = os.open, os.write, os.close, os.replace, os._exit


def main() -> None:
    """Answer one request and leave; no thread and no exit handler of the plugin's has a say."""
    scratch = Path(sys.argv[1]).absolute()
    request = json.loads((scratch / REQUEST).read_text("ascii"))
    die_with(request["parent"])
    be_modest()
    sys.path[:] = request["search_path"] or sys.path
    # Ends this process from outside of Python, and says where it hung or crashed: in a file of
    # its own, since what the plugin prints meanwhile would come between the words.
    dump = _open(f"{scratch}/{DUMP}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faulthandler.enable(dump)
    faulthandler.dump_traceback_later(request["seconds"], exit=True, file=dump)

    def put(name: str, data: bytes) -> None:
        os.umask(0o077)
        part = f"{scratch}/{name}.part"
        descriptor = _open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        _write(descriptor, data)
        _close(descriptor)
        _replace(part, f"{scratch}/{name}")

    host = HostInfo(API_VERSION, __version__, Path(request["models_root"]))
    encode, builtins = msgspec.json.encode, msgspec.to_builtins
    description = ask_plugin(
        Candidate(*request["candidate"]), host, lambda stage: put(STAGE, stage.encode())
    )
    put(ANSWER, encode(encodable_tree(builtins(description))))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # a plugin may have closed or replaced it
            stream.flush()
    _leave(0)


if __name__ == "__main__":
    main()
