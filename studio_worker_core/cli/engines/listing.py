"""``engines list`` and ``engines show``: what is installed, healthy or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

from studio_worker_core.cli.engine_settings import settings_in_words
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import PluginError
from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.roster.roster import Roster, RosterEntry
from studio_worker_core.terminal import print_json, print_table

_Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
EngineName = Annotated[
    str, typer.Argument(help="An engine, or the plugin that brings it by its distribution.")
]
"""The argument of every command about one engine."""

_STYLES = {"ready": None, "disabled": "dim"}


def list_engines(
    ctx: typer.Context,
    as_json: _Json = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="Add how long each plugin's import took.")
    ] = False,
) -> None:
    """List every engine found, good and broken, with the reason."""
    roster = installed_engines(ConfigStore(invocation_of(ctx).config_path))
    # A healthy plugin may bring commands only, and is no engine then.
    entries = [entry for entry in roster.entries if entry.spec or entry.state != "ready"]
    if as_json:
        print_json([as_object(entry, timing=timing) for entry in entries])
        return
    headings = ["engine", "state", "kinds", "models", "extensions", "distribution"]
    rows = [
        [
            entry.engine,
            entry.state,
            " ".join(entry.kinds),
            _few([name for names in entry.models.values() for name in names]),
            " ".join(entry.extensions),
            f"{entry.distribution} {entry.version}",
        ]
        for entry in entries
    ]
    if timing:
        headings.append("import")
        for row, entry in zip(rows, entries, strict=True):
            row.append(f"{entry.import_ms:.0f} ms")
    print_table(headings, rows, styles=[_STYLES.get(e.state, "red") for e in entries])
    _print_complaints(roster)


def show(ctx: typer.Context, name: EngineName, as_json: _Json = False) -> None:
    """Show all there is to know about one engine."""
    store = ConfigStore(invocation_of(ctx).config_path)
    roster = installed_engines(store)
    entries = named(roster, name)
    details = [
        _details(entry) | {"set": settings_in_words(store, roster, entry.engine)}
        for entry in entries
    ]
    if as_json:
        print_json(details)
        return
    for index, (entry, shown) in enumerate(zip(entries, details, strict=True)):
        if index:
            typer.echo()
        words = {"options": _in_words(entry.options), "settings": _in_words(entry.settings)}
        for key, value in (shown | words).items():
            _print_detail(key, value)


def refresh(ctx: typer.Context) -> None:
    """Ask every plugin again what it offers; a running worker hears of it within seconds."""
    roster = installed_engines(ConfigStore(invocation_of(ctx).config_path), ask_again=True)
    ready = sum(entry.ready for entry in roster.entries)
    broken = sum(entry.state in ("broken", "clash") for entry in roster.entries)
    typer.echo(f"{ready} engines are ready" + (f", {broken} are withdrawn" if broken else ""))
    _print_complaints(roster)


def as_object(entry: RosterEntry, *, timing: bool = False) -> dict[str, Any]:
    """One element of ``engines list --json``; new keys are only ever added at the end."""
    found: dict[str, Any] = {
        "engine": entry.engine,
        "distribution": entry.distribution,
        "version": entry.version,
        "kinds": [kind.value for kind in entry.kinds],
        "models": {kind.value: list(names) for kind, names in entry.models.items()},
        "extensions": dict(entry.extensions),
        "state": entry.state,
        "reason": entry.reason,
    }
    if timing:
        found["import_ms"] = round(entry.import_ms, 1)
    return found


def _details(entry: RosterEntry) -> dict[str, Any]:
    spec = entry.spec
    return as_object(entry, timing=True) | {
        "remedy": entry.remedy,
        "where": entry.where,
        "warnings": list(entry.warnings),
        "summary": spec.summary if spec else "",
        "engine_version": spec.version if spec else "",
        "licence": (spec.licence if spec else "") or _licence_of(entry.distribution),
        "parameters": dict(spec.parameters) if spec else {},
        "factory": spec.factory if spec else "",
        "source": entry.source,
        "traits": msgspec.to_builtins(entry.traits),
        "options": msgspec.to_builtins(entry.options),
        "settings": msgspec.to_builtins(entry.settings),
    }


def _in_words(options: Sequence[OptionSpec]) -> dict[str, str]:
    return {
        option.name: "; ".join(
            part
            for part in (
                option.words,
                option.range or option.type,
                f"normally {msgspec.json.encode(option.default).decode()}"
                if option.default is not None
                else "",
            )
            if part
        )
        for option in options
    }


def _licence_of(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        found = metadata(distribution)
        return str(found.json.get("license_expression") or found.json.get("license") or "")
    except (PackageNotFoundError, OSError, ValueError, KeyError, AttributeError):
        return ""  # not installed here, or its METADATA is damaged


def _print_detail(key: str, value: Any) -> None:
    label = key.replace("_", " ")
    if value in (None, "", [], {}):
        return
    match value:
        case dict():
            typer.echo(f"{label}:")
            for name, item in value.items():
                text = ", ".join(map(str, item)) if isinstance(item, list) else item
                typer.echo(f"  {name}: {text}")
        case list():
            typer.echo(f"{label}: {', '.join(map(str, value))}")
        case _:
            typer.echo(f"{label}: {value}")


def _print_complaints(roster: Roster) -> None:
    for note in roster.notes:
        typer.echo(f"warning: {note}", err=True)
    for entry in roster.entries:
        if entry.reason:
            where = f" ({entry.where})" if entry.where else ""
            remedy = f"; {entry.remedy}" if entry.remedy else ""
            typer.echo(f"{entry.engine}: {entry.reason}{where}{remedy}", err=True)
        for warning in entry.warnings:
            typer.echo(f"{entry.engine}: warning: {warning}", err=True)


def named(roster: Roster, name: str) -> list[RosterEntry]:
    """The entries of an engine, a distribution or an entry point.

    Raises:
        PluginError: there is none; the message names those that are.
    """
    found = [e for e in roster.entries if name in (e.engine, e.distribution, e.entry_point)]
    if not found:
        known = ", ".join(sorted({entry.engine for entry in roster.entries})) or "none"
        raise PluginError(f"no engine or plugin is named '{name}'; installed: {known}")
    return found


def _few(names: list[str], shown: int = 3) -> str:
    unique = list(dict.fromkeys(names))
    more = len(unique) - shown
    return " ".join(unique[:shown]) + (f" +{more}" if more > 0 else "")
