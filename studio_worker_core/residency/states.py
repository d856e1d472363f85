"""What a model that is kept loaded can be in, what can happen to it, and what is to be done then.

:mod:`.machine` says which follows which.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct


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

    def made_way_in(self, group: str) -> bool:
        """Whether it made way for a job of another model of its group."""
        return self.resident and self.group == group and self.phase is Phase.UNLOADED


class Models(Struct, frozen=True):
    """Every model that the host has heard of, in the order in which they are loaded."""

    held: Mapping[str, Held] = {}
    used: Mapping[str, str] = {}
    """Group → the model of it that jobs use."""

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


class Outdated(_Event, frozen=True):
    """There are other files or another source under its name: it is to be loaded again."""

    model: str


class GroupUsed(_Event, frozen=True):
    """Jobs use ``model``: the others of its group are to go until :class:`GroupFree`; the wish
    stays."""

    group: str
    model: str


class GroupFree(_Event, frozen=True):
    """No job uses a model of the group any more."""

    group: str


class Suspended(_Event, frozen=True):
    """Everything is to be unloaded for a while; the wish stays."""


class Resumed(_Event, frozen=True):
    """What is wished is to be loaded again."""


Event = (
    LoadAsked
    | UnloadAsked
    | Dropped
    | LoadEnded
    | UnloadEnded
    | Lost
    | Found
    | Outdated
    | GroupUsed
    | GroupFree
    | Suspended
    | Resumed
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
