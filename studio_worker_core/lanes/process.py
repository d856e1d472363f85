"""One engine process: how it is started, spoken to, watched and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, Listener

import msgspec
import psutil

from studio_worker_core.lanes import protocol as messages
from studio_worker_core.processes.deaths import cause_of_death, memory_is_short, oom_kills
from studio_worker_core.processes.guard import LANE_VARIABLE, kill_group, kill_marked
from studio_worker_core.processes.memory import resident_bytes
from studio_worker_core.processes.output_tail import OutputTail

AUTHKEY_VARIABLE = "STUDIO_WORKER_LANE_KEY"
"""Where Windows children find the key of the control channel."""

_SEND_SECONDS = 10
_DRAIN_SECONDS = 0.5


class ChannelClosed(msgspec.Struct, frozen=True):
    """The channel is unusable. ``garbage``: something unreadable came over it."""

    reason: str
    garbage: bool = False


class ProcessGone(msgspec.Struct, frozen=True):
    """The process has ended, and its whole group with it."""

    cause: str


Heard = messages.FromChild | ChannelClosed | ProcessGone


class EngineProcess:
    """A running ``studio_worker_core.lanes.child`` and the threads that listen to it.

    Must be made on a thread that lives as long as the worker: on Linux the child dies with
    the thread that started it.

    :param interpreter: the Python that runs it, with an installation of this package of its
        own; None for this one.
    :param environment: all variables it gets.
    :param heard: called from the listening threads with each message, then ``ChannelClosed``, then
        ``ProcessGone``; ``ProcessGone`` comes last and exactly once.
    """

    def __init__(
        self,
        engine: str,
        heard: Callable[[Heard], None],
        *,
        interpreter: str | None = None,
        environment: Mapping[str, str],
    ) -> None:
        self.engine = engine
        self._environment = environment
        self._interpreter = interpreter
        self.token = uuid.uuid4().hex
        self.output = OutputTail(engine)
        self._heard = heard
        self._sending = threading.Lock()
        self._kills_before = oom_kills()
        self._resident = 0
        self._popen, self._connection, self._listener = self._start()
        self.pid = self._popen.pid
        self._watched: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._watched = psutil.Process(self.pid)
        try:
            self._drainer = self._thread(self._drain, "output")
            self._reader = self._thread(self._read, "reader")
            self._waiter = self._thread(self._wait, "waiter")
        except RuntimeError as error:  # no more threads: a process nobody watches must not be
            self.kill()
            self._popen.wait()
            self._release()
            raise OSError(f"cannot watch the process: {error}") from error

    def send(self, message: messages.ToChild) -> str | None:
        """Send one message; None, or why it could not be sent."""
        try:
            data = messages.encode_message(message)
        except (TypeError, ValueError, NotImplementedError, RecursionError) as error:
            return f"the job cannot be sent to its process: {error}"
        connection = self._connection
        if connection is None:
            return "its process has not connected"
        with self._sending:
            try:
                connection.send_bytes(data)
            except (OSError, ValueError) as error:
                return f"its process does not take messages: {error}"
        return None

    def terminate(self) -> None:
        """SIGTERM to the whole group."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)
        else:
            self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if hasattr(os, "killpg"):
            kill_group(self.pid)
        else:
            self._kill_tree()

    def has_died(self) -> bool:
        """Whether the process is known to be dead, before ``ProcessGone`` is heard."""
        if not hasattr(os, "waitid"):
            return not self._waiter.is_alive()
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:  # reaped
            return True

    def memory_bytes(self) -> int:
        """Resident memory of the process and everything it started."""
        # A reaped process's number may be another's by now.
        total = 0 if self._popen.returncode is not None else resident_bytes(self.pid)
        self._resident = total or self._resident
        return total

    def wait(self, timeout: float) -> bool:
        """Wait until the process is gone and ``ProcessGone`` was heard; False after ``timeout``."""
        self._waiter.join(timeout)
        return not self._waiter.is_alive()

    def _start(
        self,
    ) -> tuple[subprocess.Popen[bytes], Connection | None, Listener | None]:
        environment = {**self._environment, LANE_VARIABLE: self.token}
        python = self._interpreter or sys.executable
        arguments = [python, "-P", "-m", "studio_worker_core.lanes.child"]
        if os.name == "nt":
            key = os.urandom(32)
            listener = Listener(family="AF_PIPE", authkey=key)
            environment[AUTHKEY_VARIABLE] = key.hex()
            popen = subprocess.Popen(
                [*arguments, str(listener.address), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            return popen, None, listener
        ours, theirs = socket.socketpair()
        with theirs:
            # A process that stopped reading must not hold up the worker for ever.
            ours.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0)
            )
            try:
                popen = subprocess.Popen(
                    [*arguments, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        return popen, Connection(ours.detach()), None

    def _thread(self, target: Callable[[], None], what: str) -> threading.Thread:
        thread = threading.Thread(target=target, name=f"lane-{self.engine}-{what}", daemon=True)
        thread.start()
        return thread

    def _drain(self) -> None:
        stream = self._popen.stdout
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(stream.fileno(), 65536):
                self.output.feed(data)

    def _read(self) -> None:
        try:
            if self._listener is not None:
                self._connection = self._listener.accept()
            connection = self._connection
            assert connection is not None
            while True:
                data = connection.recv_bytes(messages.MAX_FROM_CHILD)
                self._heard(messages.decode_from_child(data))
        except EOFError:
            self._heard(ChannelClosed("its process closed the control channel"))
        except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
            # A process that dies in the middle of a message is a death, not garbage.
            if isinstance(error, ConnectionError) or "end of file" in str(error):
                self._heard(ChannelClosed("its process closed the control channel"))
            else:
                text = f"its process wrote something unreadable to the control channel ({error})"
                self._heard(ChannelClosed(text, garbage=True))

    def _wait(self) -> None:
        """Ends with the process: nothing of its group is left after ``ProcessGone``."""
        if hasattr(os, "waitid"):
            # Look without reaping: while the zombie is there, its group number is not reused.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            kill_group(self.pid)
        returncode = self._popen.wait()
        if not hasattr(os, "waitid"):
            kill_group(self.pid)
        kill_marked({self.token})
        # What it said before it died is read first; a stray that got away may hold the pipe.
        self._reader.join(_DRAIN_SECONDS)
        self._drainer.join(_DRAIN_SECONDS)
        out_of_memory = returncode == -9 and (
            oom_kills() > self._kills_before or memory_is_short(self._resident)
        )
        cause = cause_of_death(returncode, out_of_memory=out_of_memory, output=self.output.last())
        self._release()
        self._heard(ProcessGone(cause))

    def _release(self) -> None:
        for owned in (self._connection, self._listener, self._popen.stdout):
            if owned is not None:
                with contextlib.suppress(OSError):
                    owned.close()

    def _kill_tree(self) -> None:
        if self._watched is not None:
            with contextlib.suppress(psutil.Error):
                for process in self._watched.children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
        self._popen.kill()
