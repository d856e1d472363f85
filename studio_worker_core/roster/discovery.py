"""The roster of the installed plugins, made from what they answered when they were asked.

No plugin is imported here: :mod:`.descriptions` has each one asked in a process of its own and
keeps the answers. Whatever goes wrong in one plugin is recorded on the roster and withdraws
that plugin alone.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from studio_worker_core import __version__
from studio_worker_core.plugin import HostInfo
from studio_worker_core.roster.descriptions import AskAgain, Descriptions
from studio_worker_core.roster.installed import Candidate, normal_name
from studio_worker_core.roster.merge import merge_commands, merge_plugins
from studio_worker_core.roster.plugin_records import DESCRIBE_SECONDS, PluginDescription
from studio_worker_core.roster.roster import Judge, Roster, RosterEntry
from studio_worker_core.synthetic import plugin as synthetic

if TYPE_CHECKING:
    from studio_worker_core.roster.observers import JobObservers

_log = logging.getLogger("studio_worker.engines")

ALLOW_LIST_VARIABLE = "STUDIO_WORKER_PLUGINS"

_OWN_DISTRIBUTION = "studio-worker"


def allowed_plugins(environ: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """The allow-list of ``STUDIO_WORKER_PLUGINS``: entry-point or distribution names with
    commas between. None when it is not set; set but empty allows the built-in ones only.
    """
    text = environ.get(ALLOW_LIST_VARIABLE)
    if text is None:
        return None
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def discover(
    host: HostInfo,
    *,
    disabled: Collection[str] = (),
    allowed: Collection[str] | None = None,
    search_path: Sequence[str] | None = None,
    isolated: Sequence[PluginDescription] = (),
    cache: Path | None = None,
    seconds: float = DESCRIBE_SECONDS,
    ask_again: bool = False,
    stop: threading.Event | None = None,
    judge: Judge | None = None,
) -> Roster:
    """The plugins installed in the group ``studio_worker``. Never raises.

    :param disabled: distributions, entry points or engines that are switched off; a plugin
        named by distribution or entry point is not even asked.
    :param allowed: if given, only these distributions or entry points and the built-in
        engines are taken; see :func:`allowed_plugins`.
    :param search_path: where distributions are looked for; by default ``sys.path``.
    :param isolated: plugins that live in environments of their own; see :mod:`.isolated`.
    :param cache: the file in which answers are kept; see :mod:`.descriptions`.
    :param seconds: how long a plugin may take to answer.
    :param ask_again: ask every plugin, whatever was kept.
    :param stop: once set, nobody waits for an answer any more.
    :param judge: see :class:`.Roster`.
    """
    descriptions = Descriptions(
        host, cache=cache, search_path=search_path, seconds=seconds, stop=stop
    )
    known = _Known(descriptions, disabled, allowed, isolated)
    plugins = known.plugins(lambda _: ask_again)
    observers = _observers(plugins)
    roster = Roster(
        merge_plugins(plugins, disabled),
        commands=merge_commands(plugins),
        notes=known.notes,
        notify=None if observers is None else observers,
        refresh=known.refreshed,
        close=None if observers is None else observers.close,
        judge=judge,
    )
    _report(roster.entries, roster.notes)
    return roster


class _Known:
    """The plugins of one host, to be asked again while it runs."""

    def __init__(
        self,
        descriptions: Descriptions,
        disabled: Collection[str],
        allowed: Collection[str] | None,
        isolated: Sequence[PluginDescription],
    ) -> None:
        self._descriptions = descriptions
        self._disabled, self._allowed = disabled, allowed
        self._isolated = isolated
        self._last: dict[tuple[str, str], PluginDescription] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        return self._descriptions.notes

    def plugins(self, again: AskAgain) -> list[PluginDescription]:
        """Every plugin; those that ``again`` picks are asked whatever was kept."""
        found = [c for c in self._descriptions.candidates() if not _is_builtin(c)]
        off = {
            candidate: reason
            for candidate in found
            if (reason := self._off((candidate.distribution, candidate.name)))
        }
        asked = self._descriptions.describe([c for c in found if c not in off], again=again)
        plugins = [_builtin()]
        plugins += [asked[c] if c in asked else _switched_off(c, off[c]) for c in found]
        plugins += [self._switched(plugin) for plugin in self._isolated]
        self._last = {(p.distribution, p.name): p for p in plugins}
        return plugins

    def refreshed(self, ask: bool) -> tuple[RosterEntry, ...]:
        """The entries anew; with ``ask``, plugins that report capabilities are asked even
        where nothing seems to have changed. One that now fails keeps its last good answer."""
        before = dict(self._last)
        self._isolated = [self._asked_again(plugin, ask) for plugin in self._isolated]
        now = self.plugins(lambda p: ask and (p.reports or p.fault is not None))
        plugins = [
            _with_last(plugin, before.get((plugin.distribution, plugin.name))) for plugin in now
        ]
        self._last = {(p.distribution, p.name): p for p in plugins}
        return merge_plugins(plugins, self._disabled)

    def _asked_again(self, plugin: PluginDescription, ask: bool) -> PluginDescription:
        if not ask or not plugin.reports or plugin.interpreter is None:
            return plugin
        candidate = Candidate(plugin.name, plugin.value, plugin.distribution, plugin.version)
        return _with_last(self._descriptions.elsewhere(candidate, plugin.interpreter), plugin)

    def _switched(self, plugin: PluginDescription) -> PluginDescription:
        reason = self._off((plugin.distribution, plugin.name))
        return plugin if reason is None else replace(plugin, disabled=reason)

    def _off(self, names: tuple[str, str]) -> str | None:
        """Why a plugin (distribution, entry point) is left out, if it is."""
        distribution, entry_point = names

        def listed(wanted: Collection[str]) -> bool:
            return any(
                normal_name(name) == normal_name(distribution) or name == entry_point
                for name in wanted
            )

        if listed(self._disabled):
            return "switched off in the config (plugins.disabled)"
        if self._allowed is not None and not listed(self._allowed):
            return f"not named in {ALLOW_LIST_VARIABLE}"
        return None


def _builtin() -> PluginDescription:
    """Our own engine is asked here: what it answers is known, and it imports nothing heavy."""
    return PluginDescription(
        name="synthetic",
        value=synthetic.__name__,
        distribution=_OWN_DISTRIBUTION,
        version=__version__,
        builtin=True,
        source=synthetic.__file__,
        engines=tuple(synthetic.studio_worker_engines()),
        extensions=dict(synthetic.studio_worker_extensions()),
    )


def _is_builtin(candidate: Candidate) -> bool:
    own = normal_name(candidate.distribution) == _OWN_DISTRIBUTION
    return own and candidate.value == synthetic.__name__


def _switched_off(candidate: Candidate, reason: str) -> PluginDescription:
    return PluginDescription(
        name=candidate.name,
        value=candidate.value,
        distribution=candidate.distribution,
        version=candidate.version,
        source=candidate.module,
        disabled=reason,
    )


def _with_last(plugin: PluginDescription, last: PluginDescription | None) -> PluginDescription:
    """The last good answer in place of a fault that came up while the worker runs."""
    if plugin.fault is None or last is None or last.fault is not None or last.disabled:
        return plugin
    note = f"its capabilities could not be refreshed: {plugin.fault.reason}"
    kept = tuple(text for text in last.warnings if "could not be refreshed" not in text)
    return replace(last, warnings=(*kept, note))


def _observers(plugins: Sequence[PluginDescription]) -> JobObservers | None:
    observing = [each for each in plugins if each.observes and not (each.fault or each.disabled)]
    if not observing:
        return None
    from studio_worker_core.roster.observers import JobObservers, Observer  # most have none

    return JobObservers(
        [
            Observer(
                Candidate(plugin.name, plugin.value, plugin.distribution, plugin.version),
                interpreter=plugin.interpreter,
            )
            for plugin in observing
        ]
    )


def _report(entries: Iterable[RosterEntry], notes: Iterable[str]) -> None:
    for note in notes:
        _log.warning("%s", note)
    for entry in entries:
        about = {"engine": entry.engine, "distribution": entry.distribution}
        if entry.state in ("broken", "clash"):
            _log.warning(
                "engine %s of %s %s is withdrawn (%s): %s; %s%s",
                entry.engine,
                entry.distribution,
                entry.version,
                entry.state,
                entry.reason,
                entry.remedy,
                f" [{entry.where}]" if entry.where else "",
                extra=about,
            )
        for warning in entry.warnings:
            _log.warning("plugin %s: %s", entry.distribution, warning, extra=about)
