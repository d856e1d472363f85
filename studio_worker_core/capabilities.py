"""The one snapshot of what this worker can do (protocol §2, capabilities)."""

from __future__ import annotations

from typing import Literal

from studio_worker_core import __version__
from studio_worker_core.config import Config
from studio_worker_core.host.facts import HostFacts
from studio_worker_core.roster.roster import Offerings
from studio_worker_core.wire.capabilities import FEATURES, Capabilities
from studio_worker_core.wire.models import KNOWN_ENGINES

_LONGEST_NAME = 512


def build_capabilities(
    config: Config,
    facts: HostFacts,
    offerings: Offerings,
    *,
    paused: bool,
    presence: Literal["idle", "active"] | None,
) -> Capabilities:
    """What goes into the register request, ``hello`` and every ``heartbeat``.

    ``offerings`` is what the healthy engines bring together; ``paused`` becomes
    ``autoEnabled: false``; ``presence`` is left out while unknown.
    """
    per_kind = offerings.models_per_kind
    return Capabilities(
        machine_name=facts.machine_name[:_LONGEST_NAME],
        username=facts.username[:_LONGEST_NAME],
        agent_version=__version__,
        engine="multi",
        vram_total_gb=facts.gpu.total_gb if facts.gpu is not None else 0.0,
        vram_threshold_gb=config.vram_threshold_gb,
        auto_enabled=not paused,
        auto_start=config.auto_start,
        supported_models=list(dict.fromkeys(m for models in per_kind.values() for m in models)),
        task_kinds=list(per_kind),
        supported_models_per_kind=dict(per_kind),
        auto_update=False,
        start_minimised=config.start_minimised,
        only_when_idle=config.only_when_idle,
        user_presence=presence,
        extensions=dict(offerings.extensions) or None,
        model_engines=[e.name for e in offerings.engines if e.name in KNOWN_ENGINES],
        engines=list(offerings.engines) or None,
        features=list(FEATURES),
        traits=dict(offerings.traits) or None,
    )
