"""A file that is asked for, and what is known of it once it is there."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from studio_worker_core.downloads.addresses import AddressPolicy


class Wanted(Struct, frozen=True):
    """A file to have at ``target``. ``sha256`` is hex; ``approx_bytes`` an estimate."""

    url: str
    target: Path
    policy: AddressPolicy
    sha256: str | None = None
    approx_bytes: int | None = None
    keep_old: bool = False
    """Set a file that has the name of the target aside, instead of replacing it."""


class Fetched(Struct, frozen=True):
    """What was downloaded."""

    sha256: str
    size: int
    etag: str | None
