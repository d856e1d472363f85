"""The main program of an engine process: load one engine, do its jobs, report over a pipe.

Started by :mod:`.process` as ``python -P -m studio_worker_core.engines.child CHANNEL PARENT``.
Whatever happens here is at most one failed job. This process dies with its worker: on Linux
by ``PR_SET_PDEATHSIG``, everywhere by the end of the channel.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
import os
import queue
import signal
import sys
import threading
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import NoReturn

import msgspec

from studio_worker_core.engines import messages
from studio_worker_core.engines.child_jobs import Answer, do_job, load_engine
from studio_worker_core.engines.guard import kill_group
from studio_worker_core.engines.messages import CLOSED_CHANNEL, LOST_WORKER
from studio_worker_core.plugin import Engine

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
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
                self._connection.send_bytes(messages.encode(message))
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
    _die_with_worker(parent)
    _be_modest()
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
                loaded = load_engine(load.factory, load.model)
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
                answer: Answer = do_job(engine, model, order, channel.send, is_cancelled)
                channel.send(answer)
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


def _die_with_worker(parent: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.name == "posix" and os.getppid() != parent:
        os._exit(LOST_WORKER)  # it went before the line above took effect


def _be_modest() -> None:
    """Be the first to go when memory runs out, leave no core file, say where it crashed."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # POSIX only

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    faulthandler.enable(all_threads=False)
    root = str(Path(__file__).resolve().parents[2])
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if given[0] == root:  # put there by the worker for this process alone
        os.environ["PYTHONPATH"] = os.pathsep.join(given[1:])
        if not os.environ["PYTHONPATH"]:
            del os.environ["PYTHONPATH"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="replace")


def _connect(address: str) -> Connection:
    if os.name == "nt":
        from studio_worker_core.engines.process import AUTHKEY_VARIABLE

        # A PipeConnection there: another class with the same methods.
        return Client(address, authkey=bytes.fromhex(os.environ.pop(AUTHKEY_VARIABLE)))
    descriptor = int(address)
    os.set_inheritable(descriptor, False)  # what the engine starts must not hold it open
    return Connection(descriptor)


if __name__ == "__main__":
    main()
