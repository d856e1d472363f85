"""Who this machine is, for its studio (protocol §2, capabilities)."""

from __future__ import annotations

import getpass
import os
import socket

from msgspec import Struct

from studio_worker_core.host.gpu import GpuMemory, gpu_memory

_LONGEST = 200


class HostFacts(Struct, frozen=True):
    """What does not change while the worker runs. ``gpu`` is None when there is none."""

    machine_name: str
    username: str
    gpu: GpuMemory | None = None


def host_facts() -> HostFacts:
    """The facts of this machine; asks the graphics driver, which may take a second."""
    return HostFacts(machine_name(), username(), gpu_memory())


def machine_name() -> str:
    """The host name, ``unknown`` when it has none."""
    try:
        name = socket.gethostname()
    except OSError:
        name = ""
    return _tidy(name) or "unknown"


def username() -> str:
    """The login name; ``uid-1234`` for a user id without one, as in many containers."""
    try:
        name = _tidy(getpass.getuser())
    except (OSError, KeyError, ImportError):
        name = ""
    if name:
        return name
    return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _tidy(name: str) -> str:
    return "".join(char for char in name if char.isprintable()).strip()[:_LONGEST]
