"""What the commands may change in a worker that runs: a small file beside its lock.

``daemon.run.json`` names the process it is meant for. A worker writes it anew when it starts
and removes it when it ends, so nothing in it outlives the run: a file that a killed worker left
behind is another run's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.config.document import read_regular, replace_config
from studio_worker_core.errors import ConfigError, NotRunning
from studio_worker_core.storage.disk import Disk

log = logging.getLogger("studio_worker.worker")

_MAX_BYTES = 65_536


class _RunState(Struct, frozen=True):
    pid: int
    paused: bool
    unload: bool = False
    """Whether nothing is to stay loaded while it is paused."""


def is_paused(lock_path: Path, pid: int) -> bool | None:
    """Whether the worker with that process id is paused; None when it cannot be asked."""
    state = _read(lock_path, pid)
    return None if state is None else state.paused


def _read(lock_path: Path, pid: int) -> _RunState | None:
    try:
        state = msgspec.json.decode(
            read_regular(_path(lock_path), _MAX_BYTES), type=_RunState, strict=True
        )
    except (OSError, ConfigError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return state if state.pid == pid else None


def set_paused(lock_path: Path, pid: int, paused: bool, *, unload: bool = False) -> None:
    """Pause the running worker with that process id, or let it go on; it hears of it within a
    second or so. Its settings stay as they are. With ``unload`` it keeps no model loaded while
    it is paused.

    Raises:
        NotRunning: that process is no worker that listens.
        ConfigError: the file cannot be written.
    """
    if is_paused(lock_path, pid) is None:
        raise NotRunning(
            f"process {pid} holds {lock_path}, and does not listen to this command: it is another "
            f"program, or could not write {_path(lock_path)}; restart it",
            path=lock_path,
        )
    _write(lock_path, _RunState(pid, paused, paused and unload))


class PauseSwitch:
    """The worker's side: a context manager for as long as it runs. Called for whether the
    commands have paused it, which reads the file.

    :param paused: how it starts.
    :param disk: the file operations.
    """

    def __init__(self, lock_path: Path, *, paused: bool, disk: Disk | None = None) -> None:
        self._lock_path = lock_path
        self._disk = disk
        self._paused = paused
        self.unloads = False
        """Whether nothing is to stay loaded for now, as of the last call."""
        self._pid = os.getpid()
        self._listens = False
        self._turning = threading.Lock()

    def __enter__(self) -> PauseSwitch:
        try:
            _write(self._lock_path, _RunState(self._pid, self._paused), self._disk)
        except ConfigError as error:
            # An old file may name this very process id, as it does in every container.
            log.warning("'studio-worker pause' cannot reach this worker: %s", error)
        else:
            self._listens = True
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            _path(self._lock_path).unlink()

    def turn(self, paused: bool) -> None:
        """Pause this worker, or let it go on, from within.

        Raises:
            ConfigError: the file cannot be written; all stays as it was.
        """
        with self._turning:
            if self._listens:
                _write(self._lock_path, _RunState(self._pid, paused), self._disk)
            self._paused, self.unloads = paused, False

    @property
    def last(self) -> bool:
        """What it was turned to, or said when it was last called; asks no disk."""
        return self._paused

    def __call__(self) -> bool:
        """As the file says; when it does not, as it said before."""
        with self._turning:  # or what was read before a turn would undo it
            told = _read(self._lock_path, self._pid) if self._listens else None
            if told is not None:
                self._paused, self.unloads = told.paused, told.paused and told.unload
            return self._paused


def _path(lock_path: Path) -> Path:
    return lock_path.with_suffix(".run.json")


def _write(lock_path: Path, state: _RunState, disk: Disk | None = None) -> None:
    replace_config(_path(lock_path), msgspec.json.encode(state) + b"\n", disk=disk)
