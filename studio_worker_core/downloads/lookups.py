"""Looking names up without waiting longer than the transfer may."""

from __future__ import annotations

import queue
import threading
from urllib.parse import SplitResult

from studio_worker_core.downloads.addresses import AddressPolicy, Resolver, resolve
from studio_worker_core.downloads.transfers import TransferLine

_LOOK_SECONDS = 0.05


def resolve_on(
    line: TransferLine, parts: SplitResult, policy: AddressPolicy, resolver: Resolver
) -> list[str]:
    """As :func:`resolve`, but over once ``line`` is down or late.

    The operating system's look-up cannot be ended: the thread that waits in it is left
    behind and touches nothing any more.

    Raises:
        SourceRefused, Interrupted: as :func:`resolve`.
        HungUp: the line was hung up.
    """
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(resolve(parts, policy, resolver))
        except Exception as raised:  # handed to the thread that waits
            answers.put(raised)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            line.check()
            continue
        if isinstance(answer, Exception):
            raise answer
        return answer
