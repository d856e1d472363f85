"""Downloads of models that somebody asked for, one after another beside the jobs."""

from __future__ import annotations

import functools
import logging
import queue
import threading
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.errors import JobCancelled, StudioWorkerError
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.store import ModelStore

_log = logging.getLogger("studio_worker.models.pulling")

MOST = 64
"""Models that may be asked for at once, those that failed included."""


class Pull(Struct, frozen=True):
    """One download: waiting (``fraction`` None), under way, or failed."""

    fraction: float | None = None
    """How far it is, 0 to 1."""
    words: str = ""
    error: str | None = None


class Pulls:
    """Fetches the files of models on a thread of its own, which the first of them starts.
    Safe to use from any thread. What has arrived stays, however a download ends.

    :param files: where they go.
    :param changed: called after something about a download has changed; it returns at once.
    """

    def __init__(self, files: Callable[[], ModelStore], changed: Callable[[], None]) -> None:
        self._files = files
        self._changed = changed
        self._lock = threading.Lock()
        self._states: dict[str, Pull] = {}
        self._cancels: dict[str, threading.Event] = {}
        self._asked: queue.SimpleQueue[tuple[CatalogueEntry, threading.Event] | None]
        self._asked = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def states(self) -> Mapping[str, Pull]:
        """What waits, goes on or has failed, by model; what is done is on the disk."""
        with self._lock:
            return dict(self._states)

    def start(self, entry: CatalogueEntry) -> bool:
        """Have the files of a model fetched; what is under way goes on. False when there are
        :data:`MOST` already, or it was closed."""
        with self._lock:
            if entry.id in self._cancels:
                return True
            if self._closed or len(self._states.keys() - {entry.id}) >= MOST:
                return False
            self._states[entry.id] = Pull()
            cancel = self._cancels[entry.id] = threading.Event()
            self._asked.put((entry, cancel))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pulls", daemon=True)
                self._thread.start()
        self._changed()
        return True

    def cancel(self, model: str) -> None:
        """End the download of a model, or forget that it failed."""
        with self._lock:
            cancel = self._cancels.pop(model, None)
            self._states.pop(model, None)
        if cancel is not None:
            cancel.set()
        self._changed()

    def close(self, seconds: float = 10.0) -> None:
        """End them all; the thread is waited for so long."""
        with self._lock:
            self._closed = True
            for cancel in self._cancels.values():
                cancel.set()
            thread = self._thread
        self._asked.put(None)
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            entry, cancel = asked
            if not cancel.is_set():
                self._over(entry.id, cancel, self._pulled(entry, cancel))

    def _pulled(self, entry: CatalogueEntry, cancel: threading.Event) -> str | None:
        """Why it failed, if it did."""
        moved = functools.partial(self._moved, entry.id, cancel)
        try:
            self._files().ensure(entry.source, entry.id, on_progress=moved, cancel=cancel)
        except JobCancelled:
            return None
        except (StudioWorkerError, OSError) as error:
            _log.warning("the files of %s are not downloaded: %s", entry.id, error)
            return str(error)
        except Exception as error:
            # Libraries of the network are asked here, and the thread answers for every download.
            _log.exception("%s: the download failed for a reason of our own", entry.id)
            return f"internal error of the worker: {error}"
        _log.info("the files of %s are here", entry.id)
        return None

    def _moved(self, model: str, cancel: threading.Event, fraction: float, words: str) -> None:
        with self._lock:
            if self._cancels.get(model) is not cancel:
                return
            self._states[model] = replace(self._states[model], fraction=fraction, words=words)
        self._changed()

    def _over(self, model: str, cancel: threading.Event, error: str | None) -> None:
        with self._lock:
            if self._cancels.get(model) is not cancel:
                return
            del self._cancels[model]
            if error is None:
                del self._states[model]
            else:
                self._states[model] = Pull(error=error)
        self._changed()
