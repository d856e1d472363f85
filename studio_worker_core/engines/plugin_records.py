"""What discovery knows about a plugin, before and after loading it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from msgspec import Struct, field

from studio_worker_core.plugin import CapabilityReport, CommandSpec, EngineSpec

__all__ = ["Candidate", "Fault", "LoadedPlugin", "source_of"]


class Fault(Struct, frozen=True):
    """Why a plugin was withdrawn."""

    reason: str
    remedy: str
    where: str | None = None


class Candidate(Struct, frozen=True):
    """An entry point of the group ``studio_worker``."""

    entry_point: EntryPoint
    distribution: str
    version: str
    builtin: bool = False


class LoadedPlugin(Struct, frozen=True):
    """What came of loading one plugin; ``fault`` is set when it was withdrawn."""

    name: str
    """Name of the entry point."""
    distribution: str
    version: str
    builtin: bool = False
    source: str = ""
    import_ms: float = 0.0
    engines: tuple[EngineSpec, ...] = ()
    extensions: Mapping[str, str] = field(default_factory=dict)
    report: CapabilityReport = CapabilityReport()
    commands: tuple[CommandSpec, ...] = ()
    warnings: tuple[str, ...] = ()
    manager: pluggy.PluginManager | None = None
    interpreter: str | None = None
    """The Python of the environment an isolated plugin lives in."""
    disabled: str | None = None
    """Why it was not even imported."""
    fault: Fault | None = None


def source_of(entry_point: EntryPoint, plugin: Any = None) -> str:
    """File of the plugin module; its name when the file cannot be told."""
    file = getattr(plugin, "__file__", None)
    if isinstance(file, str):
        return file
    package, _, _ = entry_point.module.rpartition(".")
    if not package:  # a parent package would be imported to answer, so do not ask for it
        try:
            spec = importlib.util.find_spec(entry_point.module)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.origin:
            return spec.origin
    return entry_point.module
