"""The library's edge: one loaded model, asked one thing at a time.

Facts about xllamacpp 2026.10 that are dealt with here:

- A loaded model is llama.cpp's own server, and it listens. It is put on a socket file that is
  removed as soon as it is there, so nobody can reach it; where there are no such files, on
  loopback with a key that nobody has.
- A model that cannot be loaded raises without a reason; the reason is in the log, which a thread
  writes to standard error.
- What a callback raises is lost: it is kept and raised here. A callback that answers True ends
  the answer, within a token or a portion of the prompt.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xllamacpp as library

from studio_worker_core.plugin import EngineFailed, InvalidTask
from studio_worker_llm.bounds import LoadSettings
from studio_worker_llm.roles import ModelFiles

_WARNINGS = 2
_PORTION = 512
"""Tokens of a prompt that are read at once: a cancelled job waits for no more."""

_REMEMBERED_MIB = 512
"""Main memory for the prompts of other conversations, kept beside the one in the context."""

_CHECKPOINTS = 8
_LONGEST_SOCKET = 100
"""Bytes of a socket's path; the system takes 103 to 107."""

_SAID_BYTES = 20_000
_LOG_TRIES = 100
_LOG_PAUSE_SECONDS = 0.02
_CONSEQUENCES = ("exiting due to", "failed to load model", "while trying to fit params")
_ENDED, _GOES_ON = True, False

OnEvent = Callable[[Mapping[str, Any]], bool]
"""Hears of each event; whether the answer shall end."""


class NativeModel:
    """A loaded model. One for each process, used from one thread.

    Raises:
        EngineFailed: it cannot be loaded; carries the library's own words.
    """

    def __init__(self, files: ModelFiles, settings: LoadSettings) -> None:
        try:
            self._server = _started(files, settings)
        except (RuntimeError, ValueError, OSError, MemoryError):
            # Once more, to hear why. Not listened to at first: where it ends the process, its
            # words have to be where the host looks for them.
            with _heard() as said:
                try:
                    self._server = _started(files, settings)
                except (RuntimeError, ValueError, OSError, MemoryError) as error:
                    raise EngineFailed(_reason(said, str(error))) from error

    def answer(self, request: Mapping[str, Any], on_event: OnEvent) -> None:
        """Have a request answered; each event goes to ``on_event``, from this thread.

        Raises:
            InvalidTask: the library or the model's template refuses the request.
        """
        raised: list[BaseException] = []

        def hear(event: Mapping[str, Any]) -> bool:
            try:
                return _ENDED if raised or on_event(event) else _GOES_ON
            except BaseException as error:
                raised.append(error)
                return _ENDED

        try:
            self._server.handle_chat_completions(dict(request), hear)
        except (RuntimeError, ValueError, RecursionError) as error:
            raise InvalidTask(f"llama.cpp refuses it: {str(error)[:1000]}") from error
        if raised:
            raise raised[0]


def _started(files: ModelFiles, settings: LoadSettings) -> Any:
    parameters = library.CommonParams()
    parameters.model.path = str(files.model)
    if files.projector is not None:
        parameters.mmproj.path = str(files.projector)
    if files.template is not None:
        parameters.chat_template = files.template
    parameters.n_ctx = settings.context
    parameters.n_parallel = 1
    parameters.n_batch = _PORTION
    parameters.n_ubatch = _PORTION
    parameters.n_gpu_layers = settings.gpu_layers
    for pool in (parameters.cpuparams, parameters.cpuparams_batch):
        pool.n_threads = settings.threads
    if settings.mmap is not None:
        modes = library.llama_load_mode
        mode = modes.LLAMA_LOAD_MODE_MMAP if settings.mmap else modes.LLAMA_LOAD_MODE_NONE
        parameters.load_mode = mode
    parameters.cache_ram_mib = _REMEMBERED_MIB
    parameters.n_ctx_checkpoints = _CHECKPOINTS
    parameters.offline = True
    parameters.verbosity = _WARNINGS
    _close_to_others(parameters)
    with _socket_directory() as directory:
        if directory is not None:
            parameters.hostnames = [str(directory / "s.sock")]
        return library.Server(parameters)


def _close_to_others(parameters: Any) -> None:
    parameters.api_keys = [secrets.token_hex(32)]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_props = False
    parameters.endpoint_metrics = False
    parameters.n_threads_http = 1
    parameters.cors_origins = "null"


@contextmanager
def _socket_directory() -> Iterator[Path | None]:
    """A directory of this user's alone, for a moment; None where sockets cannot be files."""
    made = None if os.name == "nt" else tempfile.mkdtemp(prefix="llama-")
    try:
        fits = made is not None and len(os.fsencode(made)) < _LONGEST_SOCKET - len("/s.sock")
        yield Path(made) if made is not None and fits else None
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _heard() -> Iterator[Callable[[], str]]:
    """Hear what goes to standard error, and pass it on at the end."""
    sys.stderr.flush()
    there = os.dup(2)
    with tempfile.TemporaryFile() as log:

        def said() -> str:
            log.seek(0)
            return log.read(_SAID_BYTES).decode("utf-8", "replace")

        os.dup2(log.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(there, 2)
            os.close(there)
            print(said(), file=sys.stderr, flush=True)  # noqa: T201 - the lane keeps it


def _reason(said: Callable[[], str], error: str) -> str:
    """The first error of the log that is no consequence of another; ``error`` where there is none
    within a moment, since a thread of the library's writes the log."""
    pause = threading.Event()
    for _ in range(_LOG_TRIES):
        for line in said().splitlines():
            _, mark, words = line.partition(" E ")
            if mark and not any(each in words for each in _CONSEQUENCES):
                why = words.partition(": ")[2].strip() or words.strip()
                return why.removeprefix("error loading model: ")[:1000]
        pause.wait(_LOG_PAUSE_SECONDS)
    return error[:1000]
