"""What the engine's process may not do: fetch anything, run code out of a model file.

The library downloads, phones home and unpickles where it sees fit; a studio must be able to
send model files, not programs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRAINER_TELEMETRY": "0",
    "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
    "TQDM_DISABLE": "1",
}
_CALLS_OUT = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})

_closed = False


def close_the_fence(home: Path) -> None:
    """Before the library is imported: no network, no code from files. For good.

    :param home: where the library may look for files of its own.
    """
    global _closed
    os.environ.update(_ENVIRONMENT)
    os.environ["TTS_HOME"] = str(home)
    # An operator who set this for a training script must not open the door here.
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    if not _closed:
        _closed = True
        sys.addaudithook(_refuse_the_network)


def _refuse_the_network(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _CALLS_OUT:
        return
    if event != "socket.getaddrinfo" and _is_local(arguments):
        return
    raise PermissionError("engines have no network: a model's files come from its model source")


def _is_local(arguments: tuple[object, ...]) -> bool:
    """A socket of the file system: its address is a path, not a host and a port."""
    return len(arguments) > 1 and isinstance(arguments[1], (str, bytes))
