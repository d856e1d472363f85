"""In a process that is asked one thing (:mod:`.asked`): taking the request, leaving the answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from studio_worker_core.processes.manners import be_modest, die_with

REQUEST, ANSWER = "request.json", "answer.json"

# Taken before foreign code can put something else in their place.
_open, _write, _close, _replace = os.open, os.write, os.close, os.replace


def take_request() -> tuple[Path, dict[str, Any]]:
    """The scratch directory and the request; from then on this process ends with its parent,
    behaves, and finds the modules that its parent finds."""
    scratch = Path(sys.argv[1]).absolute()
    request = told((scratch / REQUEST).read_bytes())
    return scratch, request


def told(data: bytes) -> dict[str, Any]:
    """What :func:`.asked.request_bytes` made; from then on as :func:`take_request` says."""
    request: dict[str, Any] = json.loads(data)
    die_with(request["parent"])
    be_modest()
    sys.path[:] = request["search_path"] or sys.path
    return request


def leave_file(scratch: Path, name: str, data: bytes) -> None:
    """Write ``name`` in the scratch directory, whole or not at all, for this user only."""
    os.umask(0o077)
    part = f"{scratch}/{name}.part"
    descriptor = _open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    _write(descriptor, data)
    _close(descriptor)
    _replace(part, f"{scratch}/{name}")
