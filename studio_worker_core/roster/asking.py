"""Asking one plugin, in a process made for it: import it, check its API version, call its
hooks, check the answers. See :mod:`.describe`, which runs this."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from studio_worker_core.plugin import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    CapabilityReport,
    CommandSpec,
    EngineSpec,
    HookSpecs,
    HostInfo,
)
from studio_worker_core.roster.hook_answers import (
    BadAnswer,
    check_commands,
    check_engines,
    check_extensions,
    check_offer,
    check_report,
)
from studio_worker_core.roster.installed import Candidate
from studio_worker_core.roster.option_types import described_options, described_settings
from studio_worker_core.roster.plugin_errors import describe_error, place_of_error
from studio_worker_core.roster.plugin_records import PluginDescription, PluginFault

IMPORT_BUDGET_MS = 200.0
"""CPU time the import of a plugin module may take before the roster warns."""

T = TypeVar("T")


class _Withdrawn(Exception):
    def __init__(self, reason: str, remedy: str, where: str | None = None) -> None:
        super().__init__(reason)
        self.fault = PluginFault(reason, remedy, where)


def ask_plugin(
    candidate: Candidate, host: HostInfo, note: Callable[[str], None] = lambda _: None
) -> PluginDescription:
    """Import a plugin into this process and call its hooks. Never raises; whatever goes wrong
    is the ``fault`` of the answer.

    :param note: told what is done next, for whoever waits for the answer.
    """
    known: dict[str, Any] = {
        "name": candidate.name,
        "value": candidate.value,
        "distribution": candidate.distribution,
        "version": candidate.version,
        "source": source_of(candidate.module),
    }
    try:
        note(f"importing {candidate.value}")
        started = time.thread_time()
        plugin = _imported(candidate)
        cpu_ms = round((time.thread_time() - started) * 1000, 2)
        known |= {"import_ms": cpu_ms, "source": source_of(candidate.module, plugin)}
        _check_api(plugin, candidate, known["source"])
        note("registering its hooks")
        manager, warnings = registered(plugin, candidate, known["source"])
        found = _asked(manager, host, candidate, known["source"], note)
    except _Withdrawn as withdrawn:
        return PluginDescription(**known, fault=withdrawn.fault)
    if cpu_ms > IMPORT_BUDGET_MS:
        warnings.append(
            f"importing {candidate.module} took {cpu_ms:.0f} ms of CPU time "
            f"(budget {IMPORT_BUDGET_MS:.0f} ms); import heavy libraries in the engine module"
        )
    return PluginDescription(**known, **found, warnings=tuple(warnings))


def source_of(module: str, plugin: Any = None) -> str:
    """File of the plugin module; its name when the file cannot be told."""
    file = getattr(sys.modules.get(module), "__file__", None) if plugin is not None else None
    if isinstance(file, str):
        return file
    if "." not in module:  # a parent package would be imported to answer, so do not ask for it
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.origin:
            return spec.origin
    return module


def _imported(candidate: Candidate) -> Any:
    who = candidate.distribution
    try:
        return EntryPoint(candidate.name, candidate.value, ENTRY_POINT_GROUP).load()
    except BaseException as error:  # foreign code: sys.exit and an interrupt stay here too
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        remedy = (
            f"install '{missing}', or reinstall {who}"
            if missing
            else f"reinstall or update {who}, or report it to its authors"
        )
        raise _Withdrawn(
            f"importing {candidate.value} failed: {describe_error(error)}",
            remedy,
            place_of_error(error),
        ) from None


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


def registered(
    plugin: Any, candidate: Candidate, source: str
) -> tuple[pluggy.PluginManager, list[str]]:
    """A plugin manager with this plugin alone, so that no hook wrapper reaches another, and
    what should be known about its hooks.

    Raises:
        _Withdrawn: it has no usable hook.
    """
    manager = pluggy.PluginManager("studio_worker")
    manager.add_hookspecs(HookSpecs)
    try:
        # Registering reads every attribute of the plugin, which may run its code (__getattr__).
        manager.register(plugin, candidate.name)
    except BaseException as error:  # foreign code
        raise _Withdrawn(
            f"its hooks cannot be registered: {describe_error(error)}",
            "name the hook's arguments as the hook reference does",
            source,
        ) from None
    known = {name for name in vars(HookSpecs) if name.startswith("studio_worker_")}
    implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    warnings = [
        f"hook '{name}' is not known to this host: misspelt, or newer than studio-worker"
        for name in sorted(implemented - known)
    ]
    if not implemented & known:
        what = "module" if isinstance(plugin, ModuleType) else "object"
        raise _Withdrawn(
            f"the {what} {candidate.value} implements no hook of studio-worker",
            "mark its hook functions with @hookimpl from studio_worker_core.plugin",
            source,
        )
    return manager, warnings


def _asked(
    manager: pluggy.PluginManager,
    host: HostInfo,
    candidate: Candidate,
    source: str,
    note: Callable[[str], None],
) -> dict[str, Any]:
    who = candidate.distribution

    def implements(name: str) -> bool:
        return bool(getattr(manager.hook, name).get_hookimpls())

    def ask(name: str, check: Callable[[Any], T], absent: T, **arguments: Any) -> T:
        if not implements(name):
            return absent
        note(name)
        return _hook(manager, name, check, who, source, **arguments)

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
        note("its options")
        options = described_options(engines)
        note("its settings")
        settings = described_settings(engines)
    except BadAnswer as bad:
        raise _Withdrawn(
            str(bad), f"report it to the authors of {candidate.distribution}", source
        ) from None
    return {
        "engines": engines,
        "options": options,
        "settings": settings,
        "extensions": extensions,
        "report": report,
        "reports": implements("studio_worker_capabilities"),
        "observes": implements("studio_worker_job_event"),
        "commands": commands,
    }


def _hook(
    manager: pluggy.PluginManager,
    name: str,
    check: Callable[[Any], T],
    who: str,
    source: str,
    **arguments: Any,
) -> T:
    caller = getattr(manager.hook, name)
    function = caller.get_hookimpls()[0].function
    code = getattr(function, "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}" if code is not None else source
    remedy = f"report it to the authors of {who}, or run 'studio-worker engines disable {who}'"
    try:
        answers = caller(**arguments)
        # pluggy leaves a None out of the answers. Lazy answers run here too.
        return check(answers[0] if answers else None)
    except BadAnswer as bad:
        raise _Withdrawn(f"{name} {bad}", remedy, place) from None
    except BaseException as error:  # foreign code: sys.exit and an interrupt stay here too
        raise _Withdrawn(
            f"{name} raised {describe_error(error)}", remedy, place_of_error(error) or place
        ) from None
