"""Loading one plugin: import it, check its API version, call its hooks, check the answers.

Each plugin gets a pluggy manager of its own, so neither an exception nor a hook wrapper of
one can reach another.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from studio_worker_core.engines.answers import (
    BadAnswer,
    check_commands,
    check_engines,
    check_extensions,
    check_offer,
    check_report,
)
from studio_worker_core.engines.guarded import (
    Guarded,
    call_guarded,
    describe_error,
    place_of_error,
)
from studio_worker_core.engines.plugin_records import (
    Candidate,
    Fault,
    LoadedPlugin,
    source_of,
)
from studio_worker_core.plugin import (
    API_VERSION,
    CapabilityReport,
    CommandSpec,
    EngineSpec,
    HookSpecs,
    HostInfo,
)

__all__ = [
    "IMPORT_BUDGET_MS",
    "ask_capabilities",
    "load_plugin",
]

IMPORT_BUDGET_MS = 200.0
"""CPU time the import of a plugin module may take before the roster warns."""

IMPORT_SECONDS = 30.0
HOOK_SECONDS = 10.0

T = TypeVar("T")


class _Withdrawn(Exception):
    def __init__(self, reason: str, remedy: str, where: str | None = None) -> None:
        super().__init__(reason)
        self.fault = Fault(reason, remedy, where)


def load_plugin(candidate: Candidate, host: HostInfo) -> LoadedPlugin:
    """Load one plugin. Never raises; whatever goes wrong is the ``fault`` of the answer."""
    imported = call_guarded(candidate.entry_point.load, seconds=IMPORT_SECONDS)
    source = source_of(candidate.entry_point, imported.value)
    known: dict[str, Any] = {
        "name": candidate.entry_point.name,
        "distribution": candidate.distribution,
        "version": candidate.version,
        "builtin": candidate.builtin,
        "source": source,
        "import_ms": imported.cpu_ms,
    }
    try:
        plugin = _imported(candidate, imported)
        _check_api(plugin, candidate, source)
        manager, warnings = _registered(plugin, candidate, source)
        found = _asked(manager, host, candidate, source)
    except _Withdrawn as withdrawn:
        return LoadedPlugin(**known, fault=withdrawn.fault)
    if imported.cpu_ms > IMPORT_BUDGET_MS and not candidate.builtin:
        warnings.append(
            f"importing {candidate.entry_point.module} took {imported.cpu_ms:.0f} ms of CPU time "
            f"(budget {IMPORT_BUDGET_MS:.0f} ms); import heavy libraries in the engine module"
        )
    return LoadedPlugin(**known, **found, manager=manager, warnings=tuple(warnings))


def ask_capabilities(plugin: LoadedPlugin, host: HostInfo) -> CapabilityReport | Fault:
    """Call the capabilities hook of a loaded plugin (again)."""
    assert plugin.manager is not None
    try:
        asked = _hook(
            plugin.manager,
            "studio_worker_capabilities",
            lambda value: check_report(value, plugin.engines),
            CapabilityReport(),
            plugin.distribution,
            plugin.source,
            host=host,
        )
    except _Withdrawn as withdrawn:
        return withdrawn.fault
    return asked


def _imported(candidate: Candidate, imported: Guarded[Any]) -> Any:
    module = candidate.entry_point.value
    who = candidate.distribution
    if not imported.finished:
        raise _Withdrawn(
            f"importing {module} did not finish within {IMPORT_SECONDS:.0f} s",
            f"report it to the authors of {who}, or run 'studio-worker engines disable {who}'",
        )
    error = imported.error
    if error is None:
        return imported.value
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    remedy = (
        f"install '{missing}', or reinstall {who}"
        if missing
        else f"reinstall or update {who}, or report it to its authors"
    )
    raise _Withdrawn(
        f"importing {module} failed: {describe_error(error)}", remedy, place_of_error(error)
    )


def _check_api(plugin: Any, candidate: Candidate, source: str) -> None:
    accepted = getattr(plugin, "studio_worker_api", (1, 1))
    who = f"{candidate.distribution} {candidate.version}"
    match accepted:
        case (int(oldest), int(newest)) if oldest <= newest:
            pass
        case _:
            raise _Withdrawn(
                f"studio_worker_api is {accepted!r}, not a pair (oldest, newest) of integers",
                f"report it to the authors of {candidate.distribution}",
                source,
            )
    if newest < API_VERSION:
        raise _Withdrawn(
            f"{who} is older than this host: it accepts plugin API {oldest} to {newest}, "
            f"the host speaks {API_VERSION}",
            f"update {candidate.distribution}",
            source,
        )
    if oldest > API_VERSION:
        raise _Withdrawn(
            f"this host is older than {who}: the plugin needs plugin API {oldest} or newer, "
            f"the host speaks {API_VERSION}",
            "update studio-worker",
            source,
        )


def _registered(
    plugin: Any, candidate: Candidate, source: str
) -> tuple[pluggy.PluginManager, list[str]]:
    manager = pluggy.PluginManager("studio_worker")
    manager.add_hookspecs(HookSpecs)
    # Registering reads every attribute of the plugin, which may run its code (__getattr__).
    done = call_guarded(
        lambda: manager.register(plugin, candidate.entry_point.name), seconds=HOOK_SECONDS
    )
    if done.error is not None or not done.finished:
        why = describe_error(done.error) if done.error else "it did not finish"
        raise _Withdrawn(
            f"its hooks cannot be registered: {why}",
            "name the hook's arguments as the hook reference does",
            source,
        )
    known = {name for name in vars(HookSpecs) if name.startswith("studio_worker_")}
    implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    warnings = [
        f"hook '{name}' is not known to this host: misspelt, or newer than studio-worker"
        for name in sorted(implemented - known)
    ]
    if not implemented & known:
        what = "module" if isinstance(plugin, ModuleType) else "object"
        raise _Withdrawn(
            f"the {what} {candidate.entry_point.value} implements no hook of studio-worker",
            "mark its hook functions with @hookimpl from studio_worker_core.plugin",
            source,
        )
    return manager, warnings


def _asked(
    manager: pluggy.PluginManager, host: HostInfo, candidate: Candidate, source: str
) -> dict[str, Any]:
    who = candidate.distribution

    def ask(name: str, check: Callable[[Any], T], absent: T, **arguments: Any) -> T:
        return _hook(manager, name, check, absent, who, source, **arguments)

    no_engines: tuple[EngineSpec, ...] = ()
    no_extensions: dict[str, str] = {}
    no_commands: tuple[CommandSpec, ...] = ()
    engines = ask("studio_worker_engines", check_engines, no_engines, host=host)
    extensions = ask("studio_worker_extensions", check_extensions, no_extensions)
    report = ask(
        "studio_worker_capabilities",
        lambda value: check_report(value, engines),
        CapabilityReport(),
        host=host,
    )
    commands = ask("studio_worker_commands", check_commands, no_commands)
    try:
        check_offer(engines, extensions)
    except BadAnswer as bad:
        raise _Withdrawn(
            str(bad), f"report it to the authors of {candidate.distribution}", source
        ) from None
    return {
        "engines": engines,
        "extensions": extensions,
        "report": report,
        "commands": commands,
    }


def _hook(
    manager: pluggy.PluginManager,
    name: str,
    check: Callable[[Any], T],
    absent: T,
    who: str,
    source: str,
    **arguments: Any,
) -> T:
    caller = getattr(manager.hook, name)
    implementations = caller.get_hookimpls()
    if not implementations:
        return absent

    def call() -> T:
        answers = caller(**arguments)
        # pluggy leaves a None out of the answers. Lazy answers run here too, under guard.
        return check(answers[0] if answers else None)

    done = call_guarded(call, seconds=HOOK_SECONDS)
    function = implementations[0].function
    code = getattr(function, "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}" if code is not None else source
    remedy = f"report it to the authors of {who}, or run 'studio-worker engines disable {who}'"
    if not done.finished:
        raise _Withdrawn(f"{name} did not return within {HOOK_SECONDS:.0f} s", remedy, place)
    if isinstance(done.error, BadAnswer):
        raise _Withdrawn(f"{name} {done.error}", remedy, place)
    if done.error is not None:
        raise _Withdrawn(
            f"{name} raised {describe_error(done.error)}",
            remedy,
            place_of_error(done.error) or place,
        )
    return done.value  # type: ignore[return-value]
