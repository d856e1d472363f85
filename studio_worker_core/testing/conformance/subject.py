"""The engine under test: its roster entry, the models to try and the parameters to use."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from studio_worker_core import __version__
from studio_worker_core.engine_setup import PLAIN, EngineSetup
from studio_worker_core.errors import PluginError
from studio_worker_core.plugin import API_VERSION, HostInfo, Model
from studio_worker_core.roster.discovery import discover
from studio_worker_core.roster.roster import Roster, RosterEntry
from studio_worker_core.wire.tasks import TaskKind


class Subject(Struct, frozen=True):
    """What the kit works on."""

    entry: RosterEntry
    siblings: tuple[RosterEntry, ...] = ()
    """The other engines of the same plugin."""
    given: Mapping[TaskKind, tuple[Model, ...]] = field(default_factory=dict)
    """Models with their files, for an engine that serves any model its source describes."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Task fields (``steps``, ``language`` …) that every sample task gets instead of the
    kit's own; one that a kind does not have is left out there."""

    setup: EngineSetup = PLAIN
    """What the operator set for the engine."""

    def models(self, kind: TaskKind) -> tuple[Model, ...]:
        """The models of a kind that can be tried: those given, else those advertised by name."""
        if self.given.get(kind):
            return self.given[kind]
        names = self.entry.models.get(kind, ())
        return tuple(Model(name) for name in names if not name.endswith(":*"))


def subject_from(
    roster: Roster,
    engine: str,
    *,
    models: Sequence[Model] = (),
    parameters: Mapping[str, Any] | None = None,
) -> Subject:
    """The subject for an engine of ``roster``.

    :param models: models to use for every kind that takes them by name or as ``:*``.
    :param parameters: see :attr:`Subject.parameters`.

    Raises:
        PluginError: no installed plugin has such an engine, or no kind takes a given model.
    """
    entry = roster.find(engine)
    if entry is None:
        known = ", ".join(sorted({found.engine for found in roster.entries})) or "none"
        raise PluginError(f"no engine or plugin is named '{engine}'; installed: {known}")
    given = {
        kind: tuple(model for model in models if entry.serves(kind, model.name))
        for kind in entry.kinds
    }
    for model in models:
        if entry.ready and not any(model in takers for takers in given.values()):
            raise PluginError(
                f"engine '{engine}' does not offer the model '{model.name}'",
                distribution=entry.distribution,
            )
    siblings = tuple(
        other
        for other in roster.entries
        if other.engine != engine
        and (other.distribution, other.entry_point) == (entry.distribution, entry.entry_point)
    )
    return Subject(entry, siblings, given, parameters or {})


def installed_subject(
    engine: str,
    *,
    models: Sequence[Model] = (),
    parameters: Mapping[str, Any] | None = None,
    models_root: Path | None = None,
) -> Subject:
    """The subject for an installed engine, whatever the worker's config disables.

    Raises:
        PluginError: no installed plugin has such an engine.
    """
    logging.getLogger("studio_worker").addHandler(logging.NullHandler())
    host = HostInfo(API_VERSION, __version__, models_root or Path("models"))
    return subject_from(discover(host), engine, models=models, parameters=parameters)


def parameters_for(task_type: type[Struct], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``parameters`` that ``task_type`` has, by their Python names."""
    fields = msgspec.structs.fields(task_type)
    by_name = {name: f.name for f in fields for name in (f.name, f.encode_name)}
    return {by_name[name]: value for name, value in parameters.items() if name in by_name}
