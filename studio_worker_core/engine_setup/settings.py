"""The tables ``[engines.…]`` of the config, for all engines of a roster."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.config import Config
from studio_worker_core.engine_setup.places import EVERY_ENGINE, PLACE_SETTINGS, place_refusal
from studio_worker_core.engine_setup.secret_sources import (
    SecretMissing,
    is_open_to_others,
    missing_variable,
    read_secret,
    secret_file,
)
from studio_worker_core.engine_setup.setup import EngineSetup
from studio_worker_core.errors import EngineFailed
from studio_worker_core.plugin import Place
from studio_worker_core.roster.options import names_a_secret, refusal
from studio_worker_core.roster.roster import RosterEntry

_Tables = Mapping[str, Mapping[str, Any]]
_PLACES = frozenset(setting.name for setting in PLACE_SETTINGS)


class _Looked(Struct, frozen=True):
    """What was seen of the files of one engine's secrets."""

    wrong: str | None = None
    warnings: tuple[str, ...] = ()


class EngineSettings:
    """What the config says of engines, as it is now. Safe to use from any thread.

    An engine whose table does not hold is withdrawn, with the reason, until it does: it is a
    judge of a :class:`.Roster`. Judging asks no disk; :meth:`look` does.

    :param config: the settings now; never waits.
    :param directory: where relative paths of secrets' files start.
    """

    def __init__(self, config: Callable[[], Config], directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._looked: Mapping[str, _Looked] = {}
        self._known: tuple[object, object, object, tuple[RosterEntry, ...]] | None = None

    def judged(self, entries: tuple[RosterEntry, ...]) -> tuple[RosterEntry, ...]:
        """``entries``, those that are set wrongly as broken. The very same ones while neither
        they nor the settings change."""
        tables, looked = self._config().engines, self._looked
        known = self._known
        if known is None or known[:3] != (entries, tables, looked):
            judged = tuple(self._judged(entry, tables, looked) for entry in entries)
            self._known = known = (entries, tables, looked, judged)
        return known[3]

    def look(self, entries: Iterable[RosterEntry]) -> None:
        """Look at the files of secrets, on a thread that may wait for the disk."""
        tables = self._config().engines
        self._looked = {
            entry.engine: found
            for entry in entries
            if (found := self._look(entry, tables)) != _Looked()
        }

    def notes(self, entries: Iterable[RosterEntry]) -> tuple[str, ...]:
        """A line for each table of an engine that is not installed."""
        installed = {entry.engine for entry in entries}
        known = {EVERY_ENGINE, *installed}
        unknown = [name for name in self._config().engines if name not in known]
        return tuple(_not_installed(name, installed) for name in unknown)

    def complaints(self, entry: RosterEntry) -> list[str]:
        """What does not hold of what is set for an engine, a line each; looks at the disk."""
        if entry.spec is None:
            return []
        tables = self._config().engines
        seen = self._look(entry, tables)
        wrong = _refused(entry, tables) or _unset(entry, tables) or seen.wrong
        return [*([wrong] if wrong else []), *seen.warnings]

    def value(self, entry: RosterEntry, name: str) -> Any:
        """What is in force for a setting: as it is set, else the default; a secret as the config
        names it."""
        table = _together(self._config().engines, entry.engine)
        default = {setting.name: setting.default for setting in (*entry.settings, *PLACE_SETTINGS)}
        return table.get(name, default.get(name))

    def setup_of(self, entry: RosterEntry) -> EngineSetup:
        """What a process of the engine is set up with now; reads secrets.

        Raises:
            EngineFailed: a setting does not hold, or a secret cannot be had.
        """
        config = self._config()
        wrong = _refused(entry, config.engines)
        if wrong is not None:
            raise EngineFailed(f"engine '{entry.engine}' is set wrongly: {wrong}")
        table = _together(config.engines, entry.engine)
        secrets = {}
        for name, named in _secrets(entry, config.engines):
            try:
                secrets[name] = read_secret(named, self._directory)
            except SecretMissing as error:
                key = f"engines.{entry.engine}.{name}"
                raise EngineFailed(f"engine '{entry.engine}' lacks {key}: {error}") from None
        own = {setting.name for setting in entry.settings}
        return EngineSetup(
            variables=config.plugins.variables_for(entry.engine),
            settings={name: table[name] for name in table if name in own} | secrets,
            place=Place(**{name: table[name] for name in table if name in _PLACES}),
        )

    def _judged(
        self, entry: RosterEntry, tables: _Tables, looked: Mapping[str, _Looked]
    ) -> RosterEntry:
        if not entry.ready:
            return entry
        seen = looked.get(entry.engine, _Looked())
        wrong = _refused(entry, tables) or _unset(entry, tables) or seen.wrong
        if wrong is None:
            more = (*entry.warnings, *seen.warnings)
            return replace(entry, warnings=more) if seen.warnings else entry
        return replace(
            entry,
            state="broken",
            reason=wrong,
            remedy=f"'studio-worker engines show {entry.engine}' says what it takes; change it "
            "with 'studio-worker config set' or 'studio-worker config edit'",
        )

    def _look(self, entry: RosterEntry, tables: _Tables) -> _Looked:
        wrong: str | None = None
        warnings = []
        for name, named in _secrets(entry, tables):
            file = secret_file(named, self._directory)
            if file is None:
                continue
            key = f"engines.{entry.engine}.{name}"
            try:
                read_secret(named, self._directory)
            except SecretMissing as error:
                wrong = wrong or f"{key}: {error}"
            if is_open_to_others(file):
                warnings.append(f"{key}: others can read {file}; chmod 600 {file}")
        return _Looked(wrong, tuple(warnings))


def _together(tables: _Tables, engine: str) -> dict[str, Any]:
    return {**tables.get(EVERY_ENGINE, {}), **tables.get(engine, {})}


def _refused(entry: RosterEntry, tables: _Tables) -> str | None:
    """The first setting that does not hold."""
    every = f'engines."{EVERY_ENGINE}"'
    wrong = place_refusal(tables.get(EVERY_ENGINE, {}), every)
    if wrong is not None:
        return wrong
    table, where = tables.get(entry.engine, {}), f"engines.{entry.engine}"
    wrong = refusal((*entry.settings, *PLACE_SETTINGS), table, where)
    places = {name: value for name, value in table.items() if name in _PLACES}
    return wrong or place_refusal(places, where)


def _unset(entry: RosterEntry, tables: _Tables) -> str | None:
    """The first variable of a secret that is not set."""
    for name, named in _secrets(entry, tables):
        if missing := missing_variable(named):
            return f"engines.{entry.engine}.{name}: the environment variable {missing} is not set"
    return None


def _secrets(entry: RosterEntry, tables: _Tables) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The secrets of an engine that are set, and how the config names them."""
    table = tables.get(entry.engine, {})
    for setting in entry.settings:
        named = table.get(setting.name, {})
        if setting.type == "secret" and names_a_secret(named):
            yield setting.name, named


def _not_installed(name: str, installed: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(installed), 1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"engines.{name[:80]}: no engine of that name is installed{hint}"
