"""A plugin module that offers :class:`.fault_engine.FaultEngine` as the engine ``fault``.

For tests only: name it in an entry point of a temporary distribution, or build a roster
entry by hand with :func:`fault_entry`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core.plugin import EngineSpec, TaskKind, hookimpl
from studio_worker_core.roster.roster import RosterEntry

_KINDS = [kind for kind in TaskKind if kind is not TaskKind.MESH]
_LOADS = [f"fault-load-{how}" for how in ("raise", "segv", "hang", "exit")]


@hookimpl
def studio_worker_engines() -> Sequence[EngineSpec]:
    """One engine for all kinds but 3D models."""
    return [
        EngineSpec(
            name="fault",
            version="1",
            models={kind: ["fault", "fault-ballast", "fault-other", *_LOADS] for kind in _KINDS},
            factory="tests.support.fault_engine:FaultEngine",
            summary="Misbehaves as its prompt says",
        )
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """What its valid results are."""
    return {"png": "image/png", "wav": "audio/wav"}


def fault_entry(name: str = "fault") -> RosterEntry:
    """The roster entry of the fault engine, under any name."""
    (spec,) = studio_worker_engines()
    return RosterEntry(
        engine=name,
        distribution="fault-plugin",
        version="1",
        state="ready",
        kinds=spec.kinds,
        models={kind: tuple(sorted(models)) for kind, models in spec.models.items()},
        extensions=studio_worker_extensions(),
        spec=spec,
        source=__file__,
        entry_point=name,
    )
