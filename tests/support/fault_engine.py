"""An engine that misbehaves as its prompt says, to show that a host survives it.

The first word of the prompt (of the text, or of the last chat message) is the fault, with
arguments after colons; anything else makes a small valid result. See :data:`.fault_names.FAULTS`.
A model named ``fault-load-…`` misbehaves while loading: ``fault-load-raise``,
``fault-load-segv``, ``fault-load-hang``, ``fault-load-exit``; ``fault-ballast`` holds 200 MB.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio_worker_core.plugin import (
    AudioSttTask,
    AudioTtsTask,
    Engine,
    EngineFailed,
    InvalidTask,
    Job,
    LlmTask,
    Model,
    Output,
)
from tests.support.fault_answers import WRONG_ANSWERS, Misdeed, said, valid_answer

_MEBIBYTE = 1024 * 1024
_FOR_EVER = 3600.0
_MOST_WEIGHTS = 1000


class FaultEngine(Engine):
    """Public double for tests of hosts; never installed as an entry point."""

    name = "fault"

    def __init__(self) -> None:
        self._ballast = b""
        self._weights = ""
        self.loads = 0

    def load(self, model: Model) -> None:
        self.loads += 1
        paths = [path for paths in model.files.values() for path in paths]
        self._weights = paths[0].read_text("utf-8", "replace")[:_MOST_WEIGHTS] if paths else ""
        match model.name.removeprefix("fault-load-"):
            case "raise":
                raise RuntimeError("this model cannot be loaded")
            case "segv":
                _segv()
            case "hang":
                _hang()
            case "exit":
                sys.exit(4)
            case "fault-ballast":
                self._ballast = os.urandom(_MEBIBYTE) * 200

    def generate(self, job: Job[Any]) -> Output:
        words = _prompt_of(job.task).split()
        name, *arguments = (words[0] if words else "ok").split(":")
        if name == "weights":
            return said(job.task, self._weights)
        fault = _BY_NAME.get(name)
        if fault is None:
            return valid_answer(job)
        return fault(job, arguments)


def _crash(job: Job[Any], arguments: list[str]) -> Output:
    print("about to crash:", *arguments, flush=True)
    match arguments:
        case ["segv"]:
            _segv()
        case ["abort"]:
            os.abort()
        case ["kill"]:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        case ["exit", code]:
            os._exit(int(code))
    return valid_answer(job)


def _sysexit(job: Job[Any], arguments: list[str]) -> Output:
    sys.exit(int(arguments[0]) if arguments else 1)


def _raise(job: Job[Any], arguments: list[str]) -> Output:
    raise RuntimeError("the engine raised on purpose")


def _engine_failed(job: Job[Any], arguments: list[str]) -> Output:
    raise EngineFailed("out of luck")


def _invalid(job: Job[Any], arguments: list[str]) -> Output:
    raise InvalidTask("this prompt is not for me")


def _hang(job: Job[Any] | None = None, arguments: list[str] | None = None) -> Output:
    threading.Event().wait(_FOR_EVER)
    raise EngineFailed("hung for an hour")


def _ignore_term(job: Job[Any], arguments: list[str]) -> Output:
    # Only the main thread may set a handler; generate is called on it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    job.progress(0.1, "deaf now")
    return _hang()


def _stop(job: Job[Any], arguments: list[str]) -> Output:
    os.kill(os.getpid(), signal.SIGSTOP)
    return valid_answer(job)


def _slow(job: Job[Any], arguments: list[str]) -> Output:
    return _work(job, float(arguments[0]), job.check_cancelled)


def _until(job: Job[Any], arguments: list[str]) -> Output:
    gate, turns = Path(arguments[0]), 0
    while not gate.exists():
        job.check_cancelled()
        job.progress((turns := turns + 1) / (turns + 1000))
        time.sleep(0.02)
    return valid_answer(job)


def _deaf(job: Job[Any], arguments: list[str]) -> Output:
    return _work(job, float(arguments[0]), lambda: None)


def _work(job: Job[Any], seconds: float, look: Callable[[], None]) -> Output:
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        look()
        job.progress(passed / seconds)
        time.sleep(0.02)
    return valid_answer(job)


def _flood(job: Job[Any], arguments: list[str]) -> Output:
    for _ in range(32):
        sys.stdout.write("x" * _MEBIBYTE)
        sys.stderr.write("flooding\n" * (_MEBIBYTE // 9))
    return valid_answer(job)


def _garbage(job: Job[Any], arguments: list[str]) -> Output:
    for descriptor in _sockets():
        os.write(descriptor, b"\xff\xfeGARBAGE" * 64)
    return _hang()


def _close_pipe(job: Job[Any], arguments: list[str]) -> Output:
    for descriptor in _sockets():
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
        os.close(descriptor)
    return _hang()


def _last_word(job: Job[Any], arguments: list[str]) -> Output:
    # The process would end itself soon, maybe before its answer is out: it hangs instead.
    vars(sys.modules["__main__"])["leave"] = lambda parent: _hang()
    for descriptor in _sockets():
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RD)
    return valid_answer(job)


def _memory(job: Job[Any], arguments: list[str]) -> Output:
    held = []
    for number in range(int(arguments[0]) // 10):
        held.append(os.urandom(1) * (10 * _MEBIBYTE))
        job.progress(0.0, f"{number * 10} MB")
        time.sleep(0.01)
    time.sleep(2.0)
    return valid_answer(job)


def _big(job: Job[Any], arguments: list[str]) -> Output:
    answer = valid_answer(job)
    if isinstance(answer, dict):
        return said(job.task, "x" * (int(arguments[0]) * _MEBIBYTE))
    with answer.open("ab") as file:  # decoders stop where the picture ends
        for _ in range(int(arguments[0])):
            file.write(bytes(_MEBIBYTE))
            job.progress(0.0)
    return answer


def _fork(job: Job[Any], arguments: list[str]) -> Output:
    _leave(job, new_session=False)
    return _crash(job, ["segv"])


def _daemon(job: Job[Any], arguments: list[str]) -> Output:
    _leave(job, new_session=True)
    return _crash(job, ["segv"])


def _child(job: Job[Any], arguments: list[str]) -> Output:
    _leave(job, new_session=False)
    return valid_answer(job)


def _detached(job: Job[Any], arguments: list[str]) -> Output:
    _leave(job, new_session=True)
    return valid_answer(job)


def _logs(job: Job[Any], arguments: list[str]) -> Output:
    for number in range(100_000):
        job.log(f"line {number}")
    return valid_answer(job)


def _pid(job: Job[Any], arguments: list[str]) -> Output:
    job.log(f"pid {os.getpid()}")
    return valid_answer(job)


def _report(job: Job[Any], arguments: list[str]) -> Output:
    job.report(seed=int(arguments[0]), steps=9, width=0)
    return valid_answer(job)


_BY_NAME: dict[str, Misdeed] = {
    **WRONG_ANSWERS,
    "big": _big,
    "child": _child,
    "closepipe": _close_pipe,
    "lastword": _last_word,
    "crash": _crash,
    "daemon": _daemon,
    "deaf": _deaf,
    "detached": _detached,
    "engine-failed": _engine_failed,
    "flood": _flood,
    "fork": _fork,
    "garbage": _garbage,
    "hang": _hang,
    "ignoreterm": _ignore_term,
    "invalid": _invalid,
    "logs": _logs,
    "memory": _memory,
    "pid": _pid,
    "report": _report,
    "raise": _raise,
    "slow": _slow,
    "stop": _stop,
    "sysexit": _sysexit,
    "until": _until,
}


def _prompt_of(task: Any) -> str:
    match task:
        case AudioTtsTask():
            return task.text
        case LlmTask():
            return task.messages[-1].content if task.messages else ""
        case AudioSttTask():
            return task.prompt or ""
    return str(getattr(task, "prompt", ""))


def _segv() -> None:
    ctypes.string_at(0)


def _sockets() -> list[int]:
    found = []
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.append(descriptor)
        except OSError:
            continue
    return found


def _leave(job: Job[Any], *, new_session: bool) -> None:
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=new_session
    )
    job.log(f"left {left.pid}")
