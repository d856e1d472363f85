"""``studio migrate``, ``backup``, ``restore`` and ``move``."""

from __future__ import annotations

from pathlib import Path
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
    from studio_worker_studio.settings import Settings
    from studio_worker_studio.store.transfer import Moved

_ADDRESS = "sqlite:PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (migrate, backup, restore, move):
        app.command()(command)


def migrate(
    data: DataDirectory = None,
    database: Database = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if there is something to do.")
    ] = False,
) -> None:
    """Bring the database of a stopped studio to this program's version, and look it over.

    'studio serve' does the same when it starts. There is no way back: make a backup first.
    """
    from studio_worker_studio import databases

    settings = _settings(data, database)
    before, newest = databases.versions(settings)
    if check:
        typer.echo(f"version {before}, this program's is {newest}")
        raise typer.Exit(int(before != newest))
    databases.migrate(settings)
    typer.echo(f"version {newest}" if before == newest else f"version {before} -> {newest}")


def backup(
    file: Annotated[Path, typer.Argument(help="The SQLite file to write; there is none yet.")],
    data: DataDirectory = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Write a studio's database into one file, also while the studio runs.

    Copy the results after it: a result that comes in later is then a file without a job, which
    'studio check --adopt' gives back to it.
    """
    from studio_worker_studio import databases

    written = databases.backup(_settings(data, database), file.expanduser().absolute())
    _say(written, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="What 'studio backup' wrote; it stays as it is.")],
    data: DataDirectory = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a backup the database of a stopped studio.

    The file it had is moved to DIR/set-aside; a PostgreSQL database has to be empty. Put the
    results back beside it, and run 'studio check'.
    """
    from studio_worker_studio import databases

    restored, aside = databases.restore(_settings(data, database), file.expanduser().absolute())
    if aside is not None:
        typer.echo(f"the database that was there is {aside} now", err=True)
    _say(restored, as_json=as_json)


def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_ADDRESS)],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; empty, or a new file.")],
    as_json: AsJson = False,
) -> None:
    """Copy a stopped studio's database into another one, and compare every row.

    The old one stays as it is. Results and the operator token are not in it: they stay in the
    data directory. A password is asked for by nobody and may be in ~/.pgpass or PGPASSWORD.
    """
    from studio_worker_studio import databases
    from studio_worker_studio.store.opening import database_address

    moved = databases.move(database_address(source), database_address(target))
    _say(moved, as_json=as_json)


def _settings(data: Path | None, database: str | None) -> Settings:
    from studio_worker_studio.settings import Settings

    return Settings(data=data_directory(data), postgres=postgres_address(database))


def _say(tables: list[Moved], *, as_json: bool) -> None:
    from studio_worker_core.terminal import print_json
    from studio_worker_studio.cli.output import print_table

    if as_json:
        print_json(tables)
        return
    print_table(
        ("table", "rows", "sha256"),
        [(each.table, str(each.rows), each.sha256) for each in tables],
        "copied as it is: an older version, which 'studio migrate' brings up to date",
    )
