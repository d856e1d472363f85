"""The one snapshot of what this worker can do (protocol §2, capabilities)."""

from __future__ import annotations

from typing import Any, Literal

from studio_worker_core.config import Config
from studio_worker_core.wire.capabilities import Capabilities

__all__ = ["build_capabilities"]


def build_capabilities(
    config: Config,
    facts: Any,
    offerings: Any,
    *,
    paused: bool,
    presence: Literal["idle", "active"] | None,
) -> Capabilities:
    """What goes into the register request, ``hello`` and every ``heartbeat``."""
    raise NotImplementedError
