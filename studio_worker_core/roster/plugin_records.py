"""What is known about a plugin, without anything of it in this process."""

from __future__ import annotations

from msgspec import Struct, field

from studio_worker_core.plugin import CapabilityReport, CommandSpec, EngineSpec
from studio_worker_core.roster.options import OptionSpec

DESCRIBE_SECONDS = 30.0
"""How long a plugin may take to be imported and to answer all its hooks."""


class PluginFault(Struct, frozen=True):
    """Why a plugin was withdrawn."""

    reason: str
    remedy: str
    where: str | None = None


class PluginDescription(Struct, frozen=True):
    """What one plugin's hooks answered; ``fault`` is set when it was withdrawn."""

    name: str
    """Name of the entry point."""
    distribution: str
    version: str
    value: str = ""
    """What the entry point names: ``module`` or ``module:object``."""
    builtin: bool = False
    source: str = ""
    import_ms: float = 0.0
    engines: tuple[EngineSpec, ...] = ()
    options: dict[str, tuple[OptionSpec, ...]] = field(default_factory=dict)
    """Engine → the parameters that only it has."""
    settings: dict[str, tuple[OptionSpec, ...]] = field(default_factory=dict)
    """Engine → what the operator may set for it."""
    extensions: dict[str, str] = field(default_factory=dict)
    report: CapabilityReport = CapabilityReport()
    reports: bool = False
    """It answers the capabilities hook, whose answer changes with what is on disk."""
    observes: bool = False
    """It wants to hear of jobs."""
    commands: tuple[CommandSpec, ...] = ()
    warnings: tuple[str, ...] = ()
    said: str = ""
    """The last lines that it printed while it was asked."""
    interpreter: str | None = None
    """The Python of the environment an isolated plugin lives in."""
    disabled: str | None = None
    """Why it was not even asked."""
    fault: PluginFault | None = None
