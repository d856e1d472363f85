"""The roster: every engine found at start, good and broken, and what they offer together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from studio_worker_core.plugin import CommandSpec, EngineSpec, JobEvent, TaskKind
from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.wire.capabilities import EngineInfo
from studio_worker_core.wire.media_types import OCTET_STREAM, WELL_KNOWN

EntryState = Literal["ready", "broken", "disabled", "clash"]


class RosterEntry(Struct, frozen=True):
    """One engine, or one plugin that could not be loaded (named by its entry point)."""

    engine: str
    """Name of the engine; the entry point's name when the plugin brought none."""
    distribution: str
    version: str
    """Version of the distribution."""
    state: EntryState
    kinds: tuple[TaskKind, ...] = ()
    """In wire order."""
    models: Mapping[TaskKind, tuple[str, ...]] = field(default_factory=dict)
    """Sorted, without duplicates."""
    extensions: Mapping[str, str] = field(default_factory=dict)
    """Extension → MIME type, as the plugin declares them for all its engines."""
    reason: str | None = None
    """Why it is not ready."""
    remedy: str | None = None
    """What to do about it."""
    where: str | None = None
    """``file:line`` at fault, where known."""
    warnings: tuple[str, ...] = ()
    """What does not stop the engine but should be known, e.g. a slow import."""
    spec: EngineSpec | None = None
    options: tuple[OptionSpec, ...] = ()
    """The parameters that only this engine has."""
    settings: tuple[OptionSpec, ...] = ()
    """What the operator may set for it."""
    traits: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    """File of the plugin module, or the module's name before it could be found."""
    entry_point: str = ""
    import_ms: float = 0.0
    """CPU milliseconds the import of the plugin module took."""
    builtin: bool = False
    interpreter: str | None = None
    """The Python of the environment an isolated plugin lives in; None for the host's own."""

    @property
    def ready(self) -> bool:
        """Whether this engine can take jobs."""
        return self.state == "ready" and self.spec is not None

    def serves(self, kind: TaskKind, model: str) -> bool:
        """Whether the engine offers this model, by name or as ``"<engine>:*"``."""
        offered = self.models.get(kind, ())
        return model in offered or f"{self.engine}:*" in offered


class Offerings(Struct, frozen=True):
    """What all ready engines offer together; the same for every order of plugins."""

    models_per_kind: dict[TaskKind, list[str]]
    """Kinds in wire order, names sorted and unique."""
    extensions: dict[str, str]
    """Extension → MIME type, sorted."""
    engines: list[EngineInfo]
    """Sorted by name."""
    traits: dict[str, Any]


class Judge(Protocol):
    """Holds what the operator set for the engines against what they declare."""

    def judged(self, entries: tuple[RosterEntry, ...]) -> tuple[RosterEntry, ...]:
        """``entries`` as they are under the settings now; asks no disk."""
        ...

    def look(self, entries: tuple[RosterEntry, ...]) -> None:
        """Look at what only the disk can tell."""
        ...

    def notes(self, entries: tuple[RosterEntry, ...]) -> tuple[str, ...]:
        """A line for each setting that belongs to no entry."""
        ...


class Roster:
    """All engines found. Safe to use from any thread.

    ``notify``, ``refresh`` and ``close`` are how the host reaches the plugins' own code again,
    which runs in other processes; discovery passes them in, a roster made by hand does without.

    :param judge: asked each time, so that an engine is as the settings are now.
    """

    def __init__(
        self,
        entries: Iterable[RosterEntry],
        *,
        commands: Sequence[CommandSpec] = (),
        notes: Sequence[str] = (),
        notify: Callable[[JobEvent], None] | None = None,
        refresh: Callable[[bool], Iterable[RosterEntry]] | None = None,
        close: Callable[[], None] | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._found = _in_order(entries)
        self._judge = judge
        if judge is not None:
            judge.look(self._found)
        self._notes = tuple(notes)
        self._close = close
        self._commands = tuple(commands)
        self._notify = notify
        self._refresh = refresh
        self._refreshing = threading.Lock()

    @property
    def entries(self) -> tuple[RosterEntry, ...]:
        """Every entry, sorted by engine name, ready ones first among equals."""
        return self._found if self._judge is None else self._judge.judged(self._found)

    @property
    def commands(self) -> tuple[CommandSpec, ...]:
        """Sub-commands of healthy plugins, sorted by name."""
        return self._commands

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each damaged distribution of the environment, whosever it is, and for each
        engine that is set and not installed."""
        return self._notes + (() if self._judge is None else self._judge.notes(self._found))

    def find(self, engine: str) -> RosterEntry | None:
        """The entry of an engine, whatever its state; a ready one if there is one."""
        return next((entry for entry in self.entries if entry.engine == engine), None)

    def offerings(self, withdrawn: Collection[str] = frozenset()) -> Offerings:
        """What is advertised: the ready engines without those ``withdrawn`` for now."""
        serving = [e for e in self.entries if e.ready and e.engine not in withdrawn]
        per_kind = {
            kind: sorted({name for entry in serving for name in entry.models.get(kind, ())})
            for kind in TaskKind
        }
        return Offerings(
            models_per_kind={kind: names for kind, names in per_kind.items() if names},
            extensions=dict(sorted(pair for e in serving for pair in e.extensions.items())),
            engines=[
                EngineInfo(name=e.engine, version=_shown_version(e), kinds=list(e.kinds))
                for e in serving
            ],
            traits=dict(sorted(pair for e in serving for pair in e.traits.items())),
        )

    def mime_for(self, ext: str) -> str:
        """MIME type of a file extension, from the merged table (protocol §4)."""
        wanted = ext.lower().removeprefix(".")
        if wanted in WELL_KNOWN:
            return WELL_KNOWN[wanted]
        for entry in self.entries:
            if entry.ready and wanted in entry.extensions:
                return entry.extensions[wanted]
        return OCTET_STREAM

    def notify(self, event: JobEvent) -> None:
        """Tell the plugins that observe jobs. Returns at once and never raises."""
        if self._notify is not None:
            self._notify(event)

    def refresh(self, *, ask: bool = True) -> bool:
        """Look at the plugins again (models found on disk may change); whether anything did.

        :param ask: ask those that report capabilities even where no file has changed.
        """
        if self._refresh is None:
            return False
        with self._refreshing:
            before = self.entries
            found = _in_order(self._refresh(ask))
            if self._judge is not None:
                self._judge.look(found)
            self._found = found
            return self.entries != before

    def close(self) -> None:
        """End the processes that observe jobs."""
        if self._close is not None:
            self._close()


def _in_order(entries: Iterable[RosterEntry]) -> tuple[RosterEntry, ...]:
    def key(entry: RosterEntry) -> tuple[str, bool, str, str, str]:
        return (
            entry.engine,
            not entry.ready,
            entry.distribution,
            entry.entry_point,
            entry.version,
        )

    return tuple(sorted(entries, key=key))


def _shown_version(entry: RosterEntry) -> str:
    own = entry.spec.version if entry.spec is not None else "0"
    return own if own != "0" else entry.version
