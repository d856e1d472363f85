"""``python -P -m studio_worker_core.roster.observe``: one plugin's job observer.

The first line on standard input is the request, each later one an event; standard output takes
a line for each fault (:mod:`.observers` is the other end). What the plugin prints goes to
standard error.
"""

from __future__ import annotations

import os
import queue
import threading
from importlib.metadata import EntryPoint
from typing import BinaryIO

import msgspec
import pluggy

from studio_worker_core.plugin import ENTRY_POINT_GROUP, JobEvent
from studio_worker_core.processes.answering import told
from studio_worker_core.roster.asking import registered
from studio_worker_core.roster.installed import Candidate
from studio_worker_core.roster.plugin_errors import describe_error

END_SECONDS = 2.0
"""How long an observer may take for what it has heard once its host is done."""


def main() -> None:
    """Deliver events until standard input ends."""
    events, reports = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    request = told(events.readline())
    heard: queue.Queue[bytes] = queue.Queue(16)
    threading.Thread(target=_listen, args=(events, heard), name="events", daemon=True).start()

    def tell(text: str) -> None:
        os.write(reports, text.replace("\n", " ").encode("utf-8", "replace")[:1000] + b"\n")

    manager = _loaded(Candidate(*request["candidate"]), tell)
    while line := heard.get():
        try:
            event = msgspec.json.decode(line, type=JobEvent)
            manager.hook.studio_worker_job_event(event=event)
        except BaseException as error:  # foreign code: even sys.exit stays here
            tell(f"raised {describe_error(error)}")
    os._exit(0)


def _loaded(candidate: Candidate, tell: object) -> pluggy.PluginManager:
    try:
        plugin = EntryPoint(candidate.name, candidate.value, ENTRY_POINT_GROUP).load()
        manager, _ = registered(plugin, candidate, candidate.module)
    except BaseException as error:  # foreign code
        assert callable(tell)
        tell(f"cannot be imported: {describe_error(error)}")
        os._exit(1)
    return manager


def _listen(events: BinaryIO, heard: queue.Queue[bytes]) -> None:
    for line in events:
        heard.put(line)
    end = threading.Timer(END_SECONDS, os._exit, (0,))  # an observer that is stuck
    end.daemon = True
    end.start()
    heard.put(b"")


if __name__ == "__main__":
    main()
