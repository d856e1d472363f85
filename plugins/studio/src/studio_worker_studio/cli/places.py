"""Where a studio's data is, of the options and variables that say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from studio_worker_core.secrets import Secret

DataDirectory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="STUDIO_DATA",
        help="Where the database, the results and the operator token are.",
        show_default=False,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        envvar="STUDIO_DATABASE",
        help="postgresql://USER:PASSWORD@HOST/DATABASE instead of a file in the data directory. "
        "Other users of this machine see the options of a command: a password is safer in the "
        "variable, or in ~/.pgpass.",
        show_default=False,
    ),
]


def data_directory(data: Path | None) -> Path:
    """The directory that is meant, whole."""
    from studio_worker_studio.settings import default_data_directory

    return (data or default_data_directory()).expanduser().absolute()


def postgres_address(database: str | None) -> Secret | None:
    """What ``--database`` or ``STUDIO_DATABASE`` names.

    Raises:
        StudioWorkerError: it is no address of a PostgreSQL database.
    """
    from studio_worker_core.errors import StudioWorkerError
    from studio_worker_core.secrets import Secret
    from studio_worker_studio.store.opening import database_address

    if not database:
        return None
    address = database_address(database)
    if isinstance(address, Secret):
        return address
    raise StudioWorkerError("a studio's SQLite database is in its data directory: give --data")
