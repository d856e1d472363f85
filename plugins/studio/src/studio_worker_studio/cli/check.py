"""``studio check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studio_worker_studio.cli.options import AsJson
from studio_worker_studio.cli.places import (
    Database,
    DataDirectory,
    data_directory,
    postgres_address,
)

if TYPE_CHECKING:
    from studio_worker_studio.checking import Check


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(check)


def check(
    data: DataDirectory = None,
    database: Database = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Make unknown files named for a job the result of that job."),
    ] = False,
    move_aside: Annotated[
        bool, typer.Option("--move-aside", help="Move unknown files to DIR/set-aside.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the result files of a stopped studio with its database.

    Without an option nothing is changed; nothing is ever deleted. With both options, what cannot
    be adopted is moved aside. Exits 1 when a result is missing or changed, or a file is left that
    belongs to no job.
    """
    import asyncio

    from studio_worker_core.terminal import print_json
    from studio_worker_studio.checking import opened
    from studio_worker_studio.settings import Settings

    settings = Settings(data=data_directory(data), postgres=postgres_address(database))
    with opened(settings) as check:
        report = asyncio.run(_report(check, adopt=adopt, move_aside=move_aside))
    if as_json:
        print_json(report)
    else:
        _say(report)
    if report["missing"] or report["changed"] or report["unknown"]:
        raise typer.Exit(1)


async def _report(check: Check, *, adopt: bool, move_aside: bool) -> dict[str, list[str]]:
    """What was found and done. File names are given escaped: they may hold anything."""
    import time

    from studio_worker_core.foreign_text import printable

    found = await check.look()
    report: dict[str, list[str]] = {
        "missing": found.missing,
        "changed": found.changed,
        "adopted": [],
        "movedAside": [],
        "unknown": [],
    }
    for name in found.unknown:
        if adopt and (job_id := await check.adopt(name, time.time())) is not None:
            report["adopted"].append(job_id)
        elif move_aside:
            report["movedAside"].append(printable(check.set_aside(name)))
        else:
            report["unknown"].append(printable(check.where(name)))
    return report


def _say(report: dict[str, list[str]]) -> None:
    for job_id in report["missing"]:
        typer.echo(f"missing   the result of {job_id}")
    for job_id in report["changed"]:
        typer.echo(f"changed   the result of {job_id} has another size than it was stored with")
    for job_id in report["adopted"]:
        typer.echo(f"adopted   as the result of {job_id}")
    for name in report["movedAside"]:
        typer.echo(f"moved     to {name}")
    for name in report["unknown"]:
        typer.echo(f"unknown   {name}")
    if report["unknown"]:
        typer.echo(
            "unknown files belong to no job; --adopt makes them the results of the jobs they are "
            "named for, --move-aside takes them out of the way",
            err=True,
        )
    if not any(report.values()):
        typer.echo("every result is where it belongs", err=True)
