"""Putting all plugins together: one roster, the same for every order of loading.

The rule for clashes: they are looked for over everything that loaded. When the built-in
plugin or the core's table of well-known MIME types is a party, it keeps what is its own and
the others are withdrawn; otherwise all parties are withdrawn, since any choice between them
would depend on what happens to be installed. A clash over an engine name withdraws that
engine; a clash over a file extension withdraws all engines of the plugin that declares it.
Each party's entry names the other one. Disabling one of them ends the clash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from studio_worker_core.plugin import CommandSpec, EngineSpec, TaskKind
from studio_worker_core.roster.plugin_records import PluginDescription
from studio_worker_core.roster.roster import EntryState, RosterEntry
from studio_worker_core.wire.media_types import WELL_KNOWN


def merge_plugins(
    plugins: Sequence[PluginDescription], disabled: Collection[str] = ()
) -> tuple[RosterEntry, ...]:
    """The entries of a roster from all plugins; ``disabled`` names engines."""
    healthy = [plugin for plugin in plugins if _is_healthy(plugin)]
    twice = _names_claimed_twice(command.name for p in healthy for command in p.commands)
    entries: list[RosterEntry] = []
    for plugin in plugins:
        if plugin.disabled is not None:
            entries.append(_whole_plugin(plugin, "disabled", plugin.disabled, None))
        elif plugin.fault is not None:
            entries.append(_whole_plugin(plugin, "broken", plugin.fault.reason, plugin))
        elif not plugin.engines:
            entries.append(
                _whole_plugin(plugin, "ready", None, None, _command_notes(plugin, twice))
            )
        else:
            extension_clash = _extension_clash(plugin, healthy)
            for spec in plugin.engines:
                clash = extension_clash or _name_clash(plugin, spec, healthy, disabled)
                entries.append(_engine_entry(plugin, spec, clash, disabled, twice))
    return tuple(entries)


def merge_commands(plugins: Iterable[PluginDescription]) -> tuple[CommandSpec, ...]:
    """Sub-commands of all healthy plugins; a name that two plugins want is left out."""
    commands = [command for plugin in plugins if _is_healthy(plugin) for command in plugin.commands]
    twice = _names_claimed_twice(command.name for command in commands)
    return tuple(
        sorted((c for c in commands if c.name not in twice), key=lambda command: command.name)
    )


def _is_healthy(plugin: PluginDescription) -> bool:
    return plugin.fault is None and plugin.disabled is None


def _engine_entry(
    plugin: PluginDescription,
    spec: EngineSpec,
    clash: tuple[str, str] | None,
    disabled: Collection[str],
    twice: Collection[str],
) -> RosterEntry:
    off = spec.name in disabled
    reason, remedy = clash or (None, None)
    if off:
        reason = "switched off in the config (plugins.disabled)"
        remedy = f"studio-worker engines enable {spec.name}"
    return RosterEntry(
        engine=spec.name,
        distribution=plugin.distribution,
        version=plugin.version,
        state="disabled" if off else "clash" if clash else "ready",
        kinds=spec.kinds,
        models=_models(plugin, spec),
        extensions=dict(sorted(plugin.extensions.items())),
        reason=reason,
        remedy=remedy,
        where=plugin.source if clash and not off else None,
        warnings=(*plugin.warnings, *_command_notes(plugin, twice)),
        spec=spec,
        options=plugin.options.get(spec.name, ()),
        settings=plugin.settings.get(spec.name, ()),
        traits={
            key: value
            for key, value in sorted(plugin.report.traits.items())
            if key.startswith(f"{spec.name}.")
        },
        source=plugin.source,
        entry_point=plugin.name,
        import_ms=plugin.import_ms,
        builtin=plugin.builtin,
        interpreter=plugin.interpreter,
    )


def _whole_plugin(
    plugin: PluginDescription,
    state: EntryState,
    reason: str | None,
    faulty: PluginDescription | None,
    warnings: tuple[str, ...] = (),
) -> RosterEntry:
    fault = faulty.fault if faulty is not None else None
    remedy = fault.remedy if fault else None
    if state == "disabled":
        by_config = reason is not None and "plugins.disabled" in reason
        remedy = (
            f"studio-worker engines enable {plugin.distribution}"
            if by_config
            else f"add '{plugin.distribution}' to it to load it"
        )
    return RosterEntry(
        engine=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        state=state,
        reason=reason,
        remedy=remedy,
        where=fault.where if fault else None,
        warnings=(*plugin.warnings, *warnings),
        source=plugin.source,
        entry_point=plugin.name,
        import_ms=plugin.import_ms,
        builtin=plugin.builtin,
        interpreter=plugin.interpreter,
    )


def _models(plugin: PluginDescription, spec: EngineSpec) -> dict[TaskKind, tuple[str, ...]]:
    return {
        kind: tuple(sorted({*spec.models[kind], *plugin.report.models.get(kind, ())}))
        for kind in spec.kinds
    }


def _name_clash(
    plugin: PluginDescription,
    spec: EngineSpec,
    healthy: Sequence[PluginDescription],
    disabled: Collection[str],
) -> tuple[str, str] | None:
    if plugin.builtin or spec.name in disabled:
        return None
    others = [
        other
        for other in healthy
        if other is not plugin and any(spec.name == theirs.name for theirs in other.engines)
    ]
    if not others:
        return None
    parties = _parties(others)
    kept = "the built-in one is kept" if any(o.builtin for o in others) else "neither is used"
    return (
        f"the engine name '{spec.name}' is also used by {parties}; {kept}",
        f"uninstall or disable {plugin.distribution} or the other, or ask its authors to rename it",
    )


def _extension_clash(
    plugin: PluginDescription, healthy: Sequence[PluginDescription]
) -> tuple[str, str] | None:
    if plugin.builtin:
        return None
    for ext, mime in sorted(plugin.extensions.items()):
        known = WELL_KNOWN.get(ext)
        if known is not None:
            if mime == known:
                continue
            return (
                f"it declares .{ext} as {mime}, but .{ext} is {known}",
                f"declare {known}, or use another extension",
            )
        others = [o for o in healthy if o is not plugin and o.extensions.get(ext, mime) != mime]
        if others:
            theirs = ", ".join(sorted({o.extensions[ext] for o in others}))
            kept = (
                "the built-in one is kept" if any(o.builtin for o in others) else "neither is used"
            )
            return (
                f"it declares .{ext} as {mime}, but {_parties(others)} declares it as {theirs}; "
                f"{kept}",
                f"uninstall or disable {plugin.distribution} or the other",
            )
    return None


def _parties(plugins: Iterable[PluginDescription]) -> str:
    return ", ".join(
        sorted(f"{p.distribution} {p.version} (entry point {p.name})" for p in plugins)
    )


def _names_claimed_twice(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name, count in Counter(names).items() if count > 1)


def _command_notes(plugin: PluginDescription, twice: Collection[str]) -> tuple[str, ...]:
    return tuple(
        f"the command '{command.name}' is left out: two plugins bring one of that name"
        for command in plugin.commands
        if command.name in twice
    )
