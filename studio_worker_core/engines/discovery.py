"""Finding the installed engine plugins and loading them one by one.

Whatever goes wrong in one plugin is recorded on the roster and withdraws that plugin alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points

from msgspec.structs import replace

from studio_worker_core import __version__
from studio_worker_core.engines.loading import ask_capabilities, load_plugin
from studio_worker_core.engines.merge import merge_commands, merge_plugins
from studio_worker_core.engines.observers import JobObservers, Observer
from studio_worker_core.engines.plugin_records import (
    Candidate,
    Fault,
    LoadedPlugin,
    source_of,
)
from studio_worker_core.engines.roster import Roster, RosterEntry
from studio_worker_core.engines.vetting import vet
from studio_worker_core.plugin import ENTRY_POINT_GROUP, HostInfo, JobEvent

__all__ = ["ALLOW_LIST_VARIABLE", "allowed_plugins", "candidates", "discover"]

_log = logging.getLogger("studio_worker.engines")

ALLOW_LIST_VARIABLE = "STUDIO_WORKER_PLUGINS"

_OWN_DISTRIBUTION = "studio-worker"
_BUILTIN = EntryPoint("synthetic", "studio_worker_core.engines.synthetic.plugin", ENTRY_POINT_GROUP)


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
    installed: Iterable[EntryPoint] | None = None,
    isolated: Sequence[LoadedPlugin] = (),
) -> Roster:
    """Load every installed plugin of the group ``studio_worker``. Never raises.

    :param disabled: distributions, entry points or engines that are switched off; a plugin
        named by distribution or entry point is not even imported.
    :param allowed: if given, only these distributions or entry points and the built-in
        engines are loaded; see :func:`allowed_plugins`.
    :param installed: the entry points to load instead of the installed ones; these are known
        not to end the process they are imported in (:mod:`.vetting`).
    :param isolated: plugins that were loaded in environments of their own; see
        :mod:`.isolated`.
    """
    is_known = installed is not None
    found = candidates(entry_points(group=ENTRY_POINT_GROUP) if installed is None else installed)
    off = {c: reason for c in found if (reason := _switched_off(c, disabled, allowed))}
    deadly = {} if is_known else vet([c for c in found if c not in off])
    # What a plugin prints must not end up in the middle of a command's JSON.
    with contextlib.redirect_stdout(sys.stderr):
        plugins = [_load(c, host, off.get(c), deadly.get(c)) for c in found]
    plugins += [_switched(plugin, disabled, allowed) for plugin in isolated]
    entries = merge_plugins(plugins, disabled)
    _report(entries)
    return Roster(
        entries,
        commands=merge_commands(plugins),
        notify=_observers(plugins),
        refresh=_refresher(plugins, host, disabled),
    )


def candidates(installed: Iterable[EntryPoint]) -> list[Candidate]:
    """The plugins to load, built-in ones first, in an order that does not depend on pip."""
    found = [_candidate(entry_point) for entry_point in installed]
    if not any(candidate.builtin for candidate in found):
        # A source tree that was never installed still has its own engine.
        found.append(Candidate(_BUILTIN, _OWN_DISTRIBUTION, __version__, builtin=True))
    return sorted(found, key=lambda c: (not c.builtin, c.distribution, c.entry_point.name))


def _candidate(entry_point: EntryPoint) -> Candidate:
    distribution = entry_point.dist
    try:
        name = distribution.name if distribution is not None else None
        version = distribution.version if distribution is not None else None
    except (KeyError, TypeError, OSError):  # broken metadata on disk
        name, version = None, None
    name = name or "an unknown distribution"
    return Candidate(entry_point, name, version or "?", builtin=_same(name, _OWN_DISTRIBUTION))


def _load(
    candidate: Candidate, host: HostInfo, off: str | None, deadly: Fault | None
) -> LoadedPlugin:
    if off is None and deadly is None:
        return load_plugin(candidate, host)
    return LoadedPlugin(
        name=candidate.entry_point.name,
        distribution=candidate.distribution,
        version=candidate.version,
        builtin=candidate.builtin,
        source=source_of(candidate.entry_point),
        disabled=off,
        fault=deadly,
    )


def _switched_off(
    candidate: Candidate, disabled: Collection[str], allowed: Collection[str] | None
) -> str | None:
    names = (candidate.distribution, candidate.entry_point.name)
    return _reason_off(names, disabled, None if candidate.builtin else allowed)


def _switched(
    plugin: LoadedPlugin, disabled: Collection[str], allowed: Collection[str] | None
) -> LoadedPlugin:
    reason = _reason_off((plugin.distribution, plugin.name), disabled, allowed)
    return plugin if reason is None else replace(plugin, disabled=reason)


def _reason_off(
    names: tuple[str, str], disabled: Collection[str], allowed: Collection[str] | None
) -> str | None:
    """Why a plugin (distribution, entry point) is left out, if it is."""
    distribution, entry_point = names

    def listed(wanted: Collection[str]) -> bool:
        return any(_same(name, distribution) or name == entry_point for name in wanted)

    if listed(disabled):
        return "switched off in the config (plugins.disabled)"
    if allowed is not None and not listed(allowed):
        return f"not named in {ALLOW_LIST_VARIABLE}"
    return None


def _same(one: str, other: str) -> bool:
    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    return normal(one) == normal(other)


def _observers(plugins: Sequence[LoadedPlugin]) -> JobObservers:
    return JobObservers(
        [
            Observer(plugin.name, _deliverer(plugin))
            for plugin in plugins
            if plugin.manager is not None
            and plugin.manager.hook.studio_worker_job_event.get_hookimpls()
        ]
    )


def _deliverer(plugin: LoadedPlugin) -> Callable[[JobEvent], object]:
    manager = plugin.manager
    assert manager is not None
    return lambda event: manager.hook.studio_worker_job_event(event=event)


def _refresher(
    plugins: Sequence[LoadedPlugin], host: HostInfo, disabled: Collection[str]
) -> Callable[[], tuple[RosterEntry, ...]]:
    """Asks again for capabilities; a plugin that now fails keeps its last good answer."""

    def asked(plugin: LoadedPlugin) -> LoadedPlugin:
        if plugin.manager is None:
            return plugin
        answer = ask_capabilities(plugin, host)
        if isinstance(answer, Fault):
            note = f"its capabilities could not be refreshed: {answer.reason}"
            return replace(plugin, warnings=(*plugin.warnings, note))
        return replace(plugin, report=answer)

    return lambda: merge_plugins([asked(plugin) for plugin in plugins], disabled)


def _report(entries: Iterable[RosterEntry]) -> None:
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
