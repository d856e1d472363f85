"""What can happen to a finished result before it is delivered, other than by the worker."""

from __future__ import annotations

import contextlib
import random
import shutil
from pathlib import Path

import msgspec

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox

_WAYS = ("purge", "truncate", "flip", "break manifest", "remove directory")


def harm_a_result(root: Path, rng: random.Random) -> str | None:
    """Harm one of the results that wait in the outbox at ``root``; the id of its job, or
    None when there was none."""
    entries = Outbox(root, OutboxLimits).pending()
    if not entries:
        return None
    entry = rng.choice(entries)
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):  # delivered meanwhile
        match rng.choice(_WAYS):
            case "purge":
                Outbox(root, OutboxLimits).forget(entry)
            case "truncate":
                _overwrite(entry.path, entry.path.read_bytes()[:-1], cut=True)
            case "flip":
                data = entry.path.read_bytes()
                _overwrite(entry.path, data[:-1] + bytes([data[-1] ^ 1]))
            case "break manifest":
                _overwrite(entry.directory / "manifest.json", b"{", cut=True)
            case "remove directory":
                shutil.rmtree(entry.directory)
    return entry.job_id


def _overwrite(path: Path, data: bytes, *, cut: bool = False) -> None:
    with path.open("r+b") as file:
        file.write(data)
        if cut:
            file.truncate()
