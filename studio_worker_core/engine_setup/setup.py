"""What an engine's process is set up with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.plugin import Place
from studio_worker_core.secrets import Secret

_KEY = os.urandom(32)
"""Nobody else's digest of the same secret is this process's."""


class EngineSetup(Struct, frozen=True, kw_only=True):
    """What one engine is set to. The secrets among its settings print as ``***``."""

    variables: tuple[str, ...] = ()
    """Names of environment variables that it gets beside those that every engine does."""
    settings: Mapping[str, Any] = {}
    """What is set of what it declares; secrets as :class:`Secret`."""
    place: Place = Place()

    @property
    def mark(self) -> bytes:
        """Another one for another setup, also where only a secret differs; tells nothing of it."""
        data = msgspec.json.encode(self, enc_hook=_revealed, order="deterministic")
        return blake2b(data, digest_size=16, key=_KEY).digest()


PLAIN = EngineSetup()
"""Of an engine for which nothing is set."""


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"a {type(value).__name__} is no setting")
