"""Importing plugins nobody has seen yet in a process of their own first.

An exception at import is caught in the host. A crash in a C library or an ``os._exit`` is
not: it would take the host along, at every start, with no word about who did it. So a
distribution that is new here is tried once in another process. What passed is remembered by
name, version and place; what did not is tried again at each start, so that a mended plugin
is taken.

Run as ``python -P -m studio_worker_core.engines.vetting``: module names come as lines on
standard input, ``try N`` and ``ok N`` go to standard output.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.engines.causes import cause_of_death
from studio_worker_core.engines.plugin_records import Candidate, Fault
from studio_worker_core.host.cache import cache_directory

__all__ = ["VET_SECONDS", "vet"]

VET_SECONDS = 10.0
"""A plugin that takes longer is left to the host, which has a limit of its own."""

_OURS = frozenset(
    f"studio-worker{part}" for part in ("", "-example", "-image", "-studio", "-tts", "-video")
)
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')
_REMEMBERED = 500


def vet(candidates: Sequence[Candidate], directory: Path | None = None) -> dict[Candidate, Fault]:
    """Those of ``candidates`` whose import ends the process it runs in, and how. Never raises.

    :param directory: where what passed is remembered; by default the user's cache directory.
    """
    cache = _cache_file(directory)
    passed = _read(cache)
    unknown = [c for c in candidates if c.distribution not in _OURS and _key(c) not in passed]
    if not unknown:
        return {}
    found: dict[Candidate, Fault] = {}
    fresh: list[str] = []
    while unknown:
        tried, fault = _try(unknown)
        fresh += [_key(candidate) for candidate in unknown[:tried]]
        if tried < len(unknown) and fault is not None:
            found[unknown[tried]] = fault
        # What hung or could not be tried is the host's business.
        unknown = unknown[tried + 1 :]
    if fresh:
        _write(cache, [*passed, *fresh])
    return found


def _try(candidates: Sequence[Candidate]) -> tuple[int, Fault | None]:
    """How many were imported well, and what the next one did, if it ended the process."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    modules = "\n".join(candidate.entry_point.module for candidate in candidates)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "studio_worker_core.engines.vetting"],
            input=modules.encode(),
            env=environ,
            capture_output=True,
            timeout=VET_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").count(b"ok "), None
    except OSError:
        return len(candidates), None
    tried = done.stdout.count(b"ok ")
    if tried >= len(candidates) or done.stdout.count(b"try ") <= tried:
        return tried, None
    candidate = candidates[tried]
    said = done.stderr.decode("utf-8", "replace")
    cause = cause_of_death(done.returncode, out_of_memory=False, output=())
    places = [place for place in _PLACE.findall(said) if not place[0].startswith("<")]
    return tried, Fault(
        f"importing {candidate.entry_point.module} ends the process: {cause}",
        f"update or reinstall {candidate.distribution}, or uninstall it",
        ":".join(_culprit(places)) if places else None,
    )


def _culprit(places: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The innermost place outside the standard library."""
    library = str(Path(os.__file__).parent)
    outside = [
        place for place in places if not place[0].startswith(library) or "site-packages" in place[0]
    ]
    return (outside or list(places))[0]


def _key(candidate: Candidate) -> str:
    parts = (
        candidate.distribution,
        candidate.version,
        candidate.entry_point.value,
        __version__,
        sys.version.split()[0],
        _place(candidate),
    )
    return " ".join(parts).replace("\n", " ")


def _place(candidate: Candidate) -> str:
    """Where it is installed and when its module changed, found without importing it."""
    distribution = candidate.entry_point.dist
    if distribution is None:
        return sys.prefix
    module = candidate.entry_point.module.replace(".", "/")
    for name in (f"{module}.py", f"{module}/__init__.py"):
        file = Path(str(distribution.locate_file(name)))
        with contextlib.suppress(OSError):
            return f"{file} {file.stat().st_mtime_ns}"
    return str(distribution.locate_file(""))  # an editable install, for one


def _cache_file(directory: Path | None) -> Path | None:
    try:
        return (directory or cache_directory()) / "vetted-plugins.txt"
    except RuntimeError:
        return None


def _read(cache: Path | None) -> list[str]:
    if cache is None:
        return []
    try:
        return cache.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return []


def _write(cache: Path | None, keys: Sequence[str]) -> None:
    if cache is None:
        return
    temporary = cache.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):  # a read-only home costs time at each start
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("".join(f"{key}\n" for key in keys[-_REMEMBERED:]), "utf-8")
        temporary.replace(cache)


def main() -> None:
    """Import the modules named on standard input, one after the other."""
    faulthandler.enable()
    if hasattr(signal, "alarm"):  # a host that was killed cannot stop a hanging import
        signal.alarm(int(VET_SECONDS * 2))
    modules = sys.stdin.read().splitlines()
    answers = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no answer
    for number, module in enumerate(modules):
        os.write(answers, f"try {number}\n".encode())
        with contextlib.suppress(BaseException):  # foreign code: the host will tell about it
            importlib.import_module(module)
        os.write(answers, f"ok {number}\n".encode())
    os._exit(0)  # not a thread or an exit handler of a plugin decides when


if __name__ == "__main__":
    main()
