"""Describing plugins from the host: a process for each, several at a time, none for too long."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec.structs import replace

from studio_worker_core.plugin import HostInfo
from studio_worker_core.processes.answering import ANSWER
from studio_worker_core.processes.asked import Ended, ask_process
from studio_worker_core.processes.deaths import cause_of_death
from studio_worker_core.roster.describe import DUMP, STAGE
from studio_worker_core.roster.installed import Candidate
from studio_worker_core.roster.plugin_errors import place_in_dump
from studio_worker_core.roster.plugin_records import (
    DESCRIBE_SECONDS,
    PluginDescription,
    PluginFault,
)

_log = logging.getLogger("studio_worker.roster.describing")

_GRACE_SECONDS = 5.0
_MOST_AT_ONCE = 8
_MOST_BYTES = 4 * 1024 * 1024
_MOST_DUMP_BYTES = 256 * 1024
# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_DECODER = msgspec.json.Decoder(PluginDescription)


def describe_plugins(
    candidates: Sequence[Candidate],
    host: HostInfo,
    *,
    seconds: float = DESCRIBE_SECONDS,
    interpreter: str | None = None,
    stop: threading.Event | None = None,
) -> list[PluginDescription]:
    """Ask plugins who they are, each in a process of its own. Never raises.

    :param seconds: after these a plugin that has not answered is given up.
    :param interpreter: the Python that runs them, when it is not this one.
    :param stop: once set, what has not answered yet is given up.
    """
    if not candidates:
        return []
    stop = stop or threading.Event()
    at_once = min(len(candidates), _MOST_AT_ONCE, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(at_once, thread_name_prefix="describe") as pool:
        asked = [
            pool.submit(_described, candidate, host, seconds, interpreter, stop)
            for candidate in candidates
        ]
        try:
            return [future.result() for future in asked]
        except BaseException:  # Ctrl-C does not wait for a plugin that hangs
            stop.set()
            raise


def _described(
    candidate: Candidate,
    host: HostInfo,
    seconds: float,
    interpreter: str | None,
    stop: threading.Event,
) -> PluginDescription:
    try:
        with tempfile.TemporaryDirectory(
            prefix="studio-worker-", ignore_cleanup_errors=True
        ) as scratch:
            found = _asked(candidate, host, seconds, interpreter, Path(scratch), stop)
    except OSError as error:
        found = _withdrawn(
            candidate,
            f"no process can be started to ask it: {error}",
            "free memory, processes or disk space, and run 'studio-worker engines refresh'",
        )
    if found.said:
        _log.debug("plugin %s printed: %s", found.distribution, found.said)
    return replace(found, interpreter=interpreter)


def _asked(
    candidate: Candidate,
    host: HostInfo,
    seconds: float,
    interpreter: str | None,
    scratch: Path,
    stop: threading.Event,
) -> PluginDescription:
    ended = ask_process(
        f"{__package__}.describe",
        {
            "seconds": seconds,
            "models_root": str(host.models_root.absolute()),
            "candidate": candidate,
        },
        scratch,
        who=candidate.distribution,
        seconds=seconds + _GRACE_SECONDS,
        interpreter=interpreter,
        stop=stop,
    )
    overdue = seconds if ended.seconds >= seconds else None
    return _outcome(candidate, scratch, ended, overdue)


def _outcome(
    candidate: Candidate, scratch: Path, ended: Ended, overdue: float | None
) -> PluginDescription:
    who = candidate.distribution
    text = "\n".join(ended.said)
    try:
        answer = scratch / ANSWER
        if answer.stat().st_size > _MOST_BYTES:
            return _withdrawn(
                candidate,
                f"its answers are {answer.stat().st_size} bytes long; {_MOST_BYTES} are allowed",
                f"report it to the authors of {who}",
            )
        found = _DECODER.decode(answer.read_bytes())
        return replace(found, said=text)
    except FileNotFoundError:
        stage = _stage(scratch)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return _withdrawn(
            candidate, f"its answers cannot be read: {error}", f"report it to the authors of {who}"
        )
    is_import = stage.startswith("importing")
    place = place_in_dump(_lines_of(scratch / DUMP))
    if overdue is not None:
        did = "finish" if is_import else "return"
        return _withdrawn(
            candidate,
            f"{stage} did not {did} within {overdue:g} s",
            f"report it to the authors of {who}, or run 'studio-worker engines disable {who}'",
            place,
        )
    cause = cause_of_death(ended.returncode, out_of_memory=False, output=())
    return _withdrawn(
        candidate,
        f"{stage} ends the process: {cause}",
        f"update or reinstall {who}, or uninstall it",
        place,
    )


def _stage(scratch: Path) -> str:
    try:
        return (scratch / STAGE).read_text("utf-8", "replace")[:500] or "starting"
    except OSError:
        return "starting to ask it"


def _lines_of(dump: Path) -> list[str]:
    try:
        with dump.open("rb") as stream:
            return stream.read(_MOST_DUMP_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _withdrawn(
    candidate: Candidate,
    reason: str,
    remedy: str,
    where: str | None = None,
) -> PluginDescription:
    return PluginDescription(
        name=candidate.name,
        value=candidate.value,
        distribution=candidate.distribution,
        version=candidate.version,
        source=candidate.module,
        fault=PluginFault(reason, remedy, where),
    )
