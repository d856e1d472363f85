"""``studio-worker engines install|uninstall|sync``: plugins that survive an upgrade."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from studio_worker_core.cli.interrupts import saying_what_stays
from studio_worker_core.cli.invocation import invocation_of

_Requirement = Annotated[
    str, typer.Argument(metavar="PACKAGE", help="As for pip: my-engine, 'my-engine>=1.2'.")
]
_Links = Annotated[
    list[Path] | None,
    typer.Option("--find-links", metavar="DIR", help="Look for wheels here too."),
]
_NoIndex = Annotated[bool, typer.Option("--no-index", help="Look nowhere else.")]


def install(
    ctx: typer.Context,
    package: _Requirement,
    isolated: Annotated[
        bool,
        typer.Option(
            "--isolated", help="Give it an environment of its own: its needs meet no others."
        ),
    ] = False,
    find_links: _Links = None,
    no_index: _NoIndex = False,
) -> None:
    """Install an engine plugin and remember it, for 'engines sync' after an upgrade."""
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.errors import PluginError
    from studio_worker_core.installing import Installer

    store = ConfigStore(invocation_of(ctx).config_path)
    installer = Installer(store, say=_sayer(ctx), pip_options=_options(find_links, no_index))
    stays = (
        f"nothing stays of {package}"
        if isolated
        else f"{package} is not recorded, but pip may have installed a part of what it needs"
    )
    with saying_what_stays(f"{stays}; the same command begins again"):
        description = installer.install(package, isolated=isolated)
    if description is None:
        typer.echo(f"installed {package}; a running worker takes it at its next start")
        return
    faults = [plugin for plugin in description.plugins if plugin.fault is not None]
    for plugin in description.plugins:
        engines = ", ".join(engine.name for engine in plugin.engines) or "no engines"
        typer.echo(f"installed {plugin.distribution} {plugin.version} isolated: {engines}")
    if faults:
        fault = faults[0].fault
        assert fault is not None
        raise PluginError(
            f"{faults[0].distribution} is broken: {fault.reason}; {fault.remedy}",
            distribution=faults[0].distribution,
        )


def uninstall(ctx: typer.Context, package: _Requirement) -> None:
    """Remove an engine plugin that was installed with 'engines install'."""
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.installing import Installer

    store = ConfigStore(invocation_of(ctx).config_path)
    with saying_what_stays(f"{package} may be removed in part; the same command goes on"):
        Installer(store, say=_sayer(ctx)).uninstall(package)
    typer.echo(f"removed {package}; a running worker leaves it out from its next start on")


def sync(ctx: typer.Context, find_links: _Links = None, no_index: _NoIndex = False) -> None:
    """Bring back the installed plugins that are missing, as after an upgrade."""
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.errors import PluginError
    from studio_worker_core.installing import Installer
    from studio_worker_core.terminal import print_table

    store = ConfigStore(invocation_of(ctx).config_path)
    options = _options(find_links, no_index)
    with saying_what_stays("what is installed stays; 'studio-worker engines sync' goes on"):
        steps = Installer(store, say=_sayer(ctx), pip_options=options).sync()
    if not steps:
        typer.echo("nothing was installed with 'engines install'")
        return
    rows = [
        [step.requirement, "isolated" if step.isolated else "shared", step.outcome]
        for step in steps
    ]
    print_table(["package", "environment", "outcome"], rows)
    failed = [step for step in steps if step.outcome == "failed"]
    if failed:
        raise PluginError(f"{failed[0].requirement}: {failed[0].reason}")


def _sayer(ctx: typer.Context) -> Callable[[str], None]:
    verbose = invocation_of(ctx).verbosity > 0
    return lambda line: typer.echo(line, err=True) if verbose else None


def _options(find_links: list[Path] | None, no_index: bool) -> list[str]:
    links = [f"--find-links={directory.absolute()}" for directory in find_links or []]
    return links + (["--no-index"] if no_index else [])
