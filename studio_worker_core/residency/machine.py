"""The models that are kept loaded, as a pure machine (original.md, Models kept loaded).

::

    Unloaded ──LoadAsked──▶ Loading ──LoadEnded──▶ Loaded ──UnloadAsked──▶ Unloading ─▶ Unloaded
                               │                      │
                               └─▶ Failed ◀── Lost ───┘

A model that waits for another one of its exclusive group to go is ``Loading`` too; its load has
not begun. ``resident`` is the wish, which a failure leaves as it is. No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace


class Phase(Enum):
    """Where a model is; the words are those of the local API."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    LOADED = "loaded"
    UNLOADING = "unloading"
    FAILED = "failed"


class Held(Struct, frozen=True):
    """One model."""

    phase: Phase
    since: float
    """When it came there, in seconds since 1970."""
    resident: bool = False
    group: str | None = None
    """At most one model of a group is in memory at a time."""
    begun: bool = False
    """Of a load: it is under way."""
    then: Phase | None = None
    """Where it goes once what is under way has ended: unloaded, or loaded again."""
    error: str | None = None
    dropped: bool = False
    """It is to be forgotten once it is unloaded."""

    @property
    def in_memory(self) -> bool:
        """Whether it takes memory, or may."""
        return self.phase in (Phase.LOADED, Phase.UNLOADING) or self.begun


class Models(Struct, frozen=True):
    """Every model that the host has heard of, in the order in which they are loaded."""

    held: Mapping[str, Held] = {}

    def residents(self) -> frozenset[str]:
        """The wish."""
        return frozenset(name for name, held in self.held.items() if held.resident)


class _Event(Struct, frozen=True):
    at: float
    """When it happened, in seconds since 1970."""


class LoadAsked(_Event, frozen=True):
    """It is to be loaded, and to stay."""

    model: str
    group: str | None = None


class UnloadAsked(_Event, frozen=True):
    """It is not to stay. ``warm``: it is in memory, if only since a job needed it."""

    model: str
    group: str | None = None
    warm: bool = False


class Dropped(_Event, frozen=True):
    """There is no such model any more."""

    model: str


class LoadEnded(_Event, frozen=True):
    """A load that was begun has ended; ``error`` says why it failed."""

    model: str
    error: str | None = None
    called_off: bool = False
    """It ended for nothing but :class:`CallOff`."""


class UnloadEnded(_Event, frozen=True):
    """An unload that was begun has ended."""

    model: str


class Lost(_Event, frozen=True):
    """A loaded model's process is gone."""

    model: str
    error: str


class Found(_Event, frozen=True):
    """A model that had failed is loaded after all: a job needed it."""

    model: str


class Suspended(_Event, frozen=True):
    """Everything is to be unloaded for a while; the wish stays."""


class Resumed(_Event, frozen=True):
    """What is wished is to be loaded again."""


Event = (
    LoadAsked | UnloadAsked | Dropped | LoadEnded | UnloadEnded | Lost | Found | Suspended | Resumed
)


class Load(Struct, frozen=True):
    """Begin to load; answered by :class:`LoadEnded`."""

    model: str


class Unload(Struct, frozen=True):
    """Begin to unload; answered by :class:`UnloadEnded`."""

    model: str


class CallOff(Struct, frozen=True):
    """End the load that is under way, if that can be; it is still answered."""

    model: str


class Save(Struct, frozen=True):
    """The wish has changed."""


Effect = Load | Unload | CallOff | Save


def step(models: Models, event: Event) -> tuple[Models, tuple[Effect, ...]]:
    """The next state and what to do; unloading comes before loading."""
    held = dict(models.held)
    match event:
        case LoadAsked():
            _load_asked(held, event)
        case UnloadAsked():
            _unload_asked(held, event)
        case Dropped(model=model) if model in held:
            gone = replace(held[model], resident=False, dropped=True)
            held[model] = _leaving(gone, event.at)
        case Suspended():
            held = {name: _leaving(each, event.at) for name, each in held.items()}
        case Resumed():
            for name, each in list(held.items()):
                if each.resident and each.phase is not Phase.FAILED:
                    held[name] = _coming(each, event.at)
        case Found(model=model) if model in held and _is_taken(held, model):
            return models, ()
        case LoadEnded() | UnloadEnded() | Lost() | Found() if event.model in held:
            held[event.model] = _happened(held[event.model], event)
        case _:
            return models, ()
    return _settled(models, held)


def _load_asked(held: dict[str, Held], event: LoadAsked) -> None:
    asked = held.get(event.model) or Held(Phase.UNLOADED, event.at)
    asked = replace(asked, resident=True, group=event.group, dropped=False)
    held[event.model] = _coming(asked, event.at)
    if event.group is None:
        return
    for name, other in held.items():
        if name != event.model and other.group == event.group:
            held[name] = _leaving(replace(other, resident=False), event.at)


def _unload_asked(held: dict[str, Held], event: UnloadAsked) -> None:
    asked = held.get(event.model)
    if asked is None and not event.warm:
        return
    asked = replace(asked or Held(Phase.UNLOADED, event.at), resident=False)
    if event.warm and not asked.in_memory:
        held[event.model] = _now(replace(asked, group=event.group), Phase.UNLOADING, event.at)
    else:
        held[event.model] = _leaving(asked, event.at)


def _coming(held: Held, at: float) -> Held:
    match held.phase:
        case Phase.UNLOADED | Phase.FAILED:
            return _now(held, Phase.LOADING, at)
        case Phase.LOADING:
            return replace(held, then=None)
        case Phase.UNLOADING:
            return replace(held, then=Phase.LOADED)
        case Phase.LOADED:
            return held


def _leaving(held: Held, at: float) -> Held:
    match held.phase:
        case Phase.LOADING if held.begun:
            return replace(held, then=Phase.UNLOADED)
        case Phase.LOADED:
            return _now(held, Phase.UNLOADING, at)
        case Phase.UNLOADING:
            return replace(held, then=None)
        case Phase.FAILED if held.resident:
            return held  # only suspended: why it failed is still to be seen
        case Phase.UNLOADED:
            return held
        case _:
            return _now(held, Phase.UNLOADED, at)


def _happened(held: Held, event: LoadEnded | UnloadEnded | Lost | Found) -> Held:
    at = event.at
    match event:
        case LoadEnded(error=error, called_off=called_off) if held.begun:
            leaves = held.then is Phase.UNLOADED
            if called_off and not leaves:  # somebody has thought better of it
                return replace(held, begun=False)
            if error is None and not called_off:
                return _now(held, Phase.UNLOADING if leaves else Phase.LOADED, at)
            if leaves:
                return _now(held, Phase.UNLOADED, at)
            return _now(held, Phase.FAILED, at, error)
        case UnloadEnded() if held.phase is Phase.UNLOADING:
            again = held.then is Phase.LOADED
            return _now(held, Phase.LOADING if again else Phase.UNLOADED, at)
        case Lost(error=error) if held.phase is Phase.LOADED:
            return _now(held, Phase.FAILED, at, error)
        case Found() if held.phase is Phase.FAILED and held.resident:
            return _now(held, Phase.LOADED, at)
        case _:
            return held


def _now(held: Held, phase: Phase, at: float, error: str | None = None) -> Held:
    return replace(held, phase=phase, since=at, begun=False, then=None, error=error)


def _settled(before: Models, held: dict[str, Held]) -> tuple[Models, tuple[Effect, ...]]:
    """Begin what may begin, forget what is gone."""
    held = {
        name: each
        for name, each in held.items()
        if not (each.dropped and each.phase in (Phase.UNLOADED, Phase.FAILED))
    }
    effects: list[Effect] = []
    for name, each in held.items():
        was = before.held.get(name)
        has_begun = was is not None and was.phase is Phase.UNLOADING
        if each.phase is Phase.UNLOADING and not has_begun:
            effects.append(Unload(name))
        if each.then is Phase.UNLOADED and (was is None or was.then is not Phase.UNLOADED):
            effects.append(CallOff(name))
    for name, each in held.items():
        if each.phase is Phase.LOADING and not each.begun and not _is_taken(held, name):
            held[name] = replace(each, begun=True)
            effects.append(Load(name))
    after = Models(held)
    if after.residents() != before.residents():
        effects.insert(0, Save())
    return after, tuple(effects)


def _is_taken(held: Mapping[str, Held], name: str) -> bool:
    """Whether another model of its group is in memory."""
    group = held[name].group
    return group is not None and any(
        other.group == group and other.in_memory for key, other in held.items() if key != name
    )
