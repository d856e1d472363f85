"""The main program of an engine process: load one engine, do its jobs, report over a pipe.

Started by :mod:`.process` as ``python -P -m studio_worker_core.lanes.child CHANNEL PARENT``.
Whatever happens here is at most one failed job. This process dies with its worker: on Linux
by ``PR_SET_PDEATHSIG``, everywhere by the end of the channel.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import sys
import threading
import time
from multiprocessing.connection import Client, Connection
from typing import NoReturn

import msgspec

from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.engine_host import EngineAnswer, do_job, load_engine
from studio_worker_core.lanes.inspecting import Inspector
from studio_worker_core.plugin import Engine
from studio_worker_core.processes.exit_codes import CLOSED_CHANNEL, LOST_WORKER
from studio_worker_core.processes.guard import kill_group
from studio_worker_core.processes.manners import be_modest, die_with

_PARENT_SECONDS = 0.2


class Channel:
    """The control channel, seen from the engine process. Sending is safe from any thread."""

    def __init__(self, connection: Connection, parent: int) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._pid = os.getpid()
        self._parent = parent

    def send(self, message: messages.FromChild) -> None:
        """Send, or end this process: without its channel it is of no use to anybody."""
        if os.getpid() != self._pid:
            os._exit(1)  # a fork of the engine's ran on into our code
        try:
            with self._sending:
                self._connection.send_bytes(messages.encode_message(message))
        except (BrokenPipeError, ConnectionResetError):
            leave(self._parent)
        except (OSError, ValueError):
            os._exit(CLOSED_CHANNEL)

    def receive(self) -> messages.ToChild:
        """The next message; ends this process when there can be none."""
        try:
            return messages.decode_to_child(self._connection.recv_bytes(messages.MAX_TO_CHILD))
        except (EOFError, ConnectionError):
            leave(self._parent)
        except (OSError, ValueError, TypeError, msgspec.MsgspecError):
            os._exit(CLOSED_CHANNEL)


def main() -> None:
    """Serve until told to quit."""
    address, parent = sys.argv[1], int(sys.argv[2])
    die_with(parent)
    be_modest()
    channel = Channel(_connect(address), parent)
    channel.send(messages.Ready(os.getpid()))
    orders: queue.SimpleQueue[messages.ToChild] = queue.SimpleQueue()
    cancelled: set[str] = set()
    threading.Thread(
        target=_listen, args=(channel, orders, cancelled), name="channel", daemon=True
    ).start()
    _serve(channel, orders, cancelled)


def leave(parent: int) -> NoReturn:
    """The channel ended. If the worker did too, take everything this engine started along;
    if the engine closed the channel itself, say so by the exit code."""
    # A dying process closes its files a moment before its children get another parent.
    deadline = time.monotonic() + _PARENT_SECONDS
    while os.name == "posix" and os.getppid() == parent:
        if time.monotonic() > deadline:
            os._exit(CLOSED_CHANNEL)
        time.sleep(0.01)
    kill_group(os.getpid())  # its own session, so its own group
    os._exit(LOST_WORKER)


def _serve(
    channel: Channel, orders: queue.SimpleQueue[messages.ToChild], cancelled: set[str]
) -> None:
    engine: Engine | None = None
    while True:
        match orders.get():
            case messages.Load() as load:
                sys.path[:] = load.search_path or sys.path
                started = time.monotonic()
                loaded = load_engine(load)
                if isinstance(loaded, messages.Failed):
                    channel.send(loaded)
                else:
                    engine = loaded
                    channel.send(messages.Loaded(round(time.monotonic() - started, 3)))
                    model = load.model
            case messages.Generate() as order:
                if engine is None:
                    channel.send(messages.Failed("crash", "no engine was loaded", order.job_id))
                    continue
                is_cancelled = functools.partial(cancelled.__contains__, order.job_id)
                answer: EngineAnswer = do_job(engine, model, order, channel.send, is_cancelled)
                inspector = Inspector(order, answer)
                channel.send(answer)
                inspector.report(channel.send)
            case messages.Quit():
                _quit(engine)


def _listen(
    channel: Channel, orders: queue.SimpleQueue[messages.ToChild], cancelled: set[str]
) -> None:
    while True:
        message = channel.receive()
        if isinstance(message, messages.CancelJob):
            cancelled.add(message.job_id)
        else:
            if isinstance(message, messages.Generate):
                # A cancel that came too late for an earlier try of this job is not for this one.
                cancelled.discard(message.job_id)
            orders.put(message)


def _quit(engine: Engine | None) -> None:
    if engine is not None:
        with contextlib.suppress(BaseException):  # foreign code, on its way out
            engine.unload()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # No interpreter shutdown: an engine's threads and atexit hooks must not keep us here.
    os._exit(0)


def _connect(address: str) -> Connection:
    if os.name == "nt":
        from studio_worker_core.lanes.process import AUTHKEY_VARIABLE

        # A PipeConnection there: another class with the same methods.
        return Client(address, authkey=bytes.fromhex(os.environ.pop(AUTHKEY_VARIABLE)))
    descriptor = int(address)
    os.set_inheritable(descriptor, False)  # what the engine starts must not hold it open
    return Connection(descriptor)


if __name__ == "__main__":
    main()
