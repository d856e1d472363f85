"""Which database a studio has, and how one is named: ``sqlite:PATH``, or
``postgresql://USER:PASSWORD@HOST/DATABASE``. The one place that names an implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.transfer import FilePlace, Place

_POSTGRES = ("postgresql://", "postgres://")
_SQLITE = "sqlite:"


def database_address(text: str) -> Path | Secret:
    """The file of an SQLite database, or the address of one in PostgreSQL, which may hold a
    password.

    Raises:
        StudioWorkerError: it is neither.
    """
    if text.startswith(_POSTGRES):
        return Secret(text)
    if text.startswith(_SQLITE) and (path := text.removeprefix(_SQLITE)):
        return Path(path).expanduser().absolute()
    # What was given is not repeated: it may be an address with a password and a slip.
    raise StudioWorkerError(
        "a database is named sqlite:PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
    )


def open_store(settings: Settings) -> Store:
    """Open the studio's memory, or make it.

    Raises:
        StoreError: it cannot be used.
    """
    if settings.postgres is not None:
        return _open_postgres(settings, settings.postgres)
    from studio_worker_studio.store.sqlite.store import SqliteStore

    return SqliteStore(
        settings.database,
        max_log_entries=settings.max_log_entries,
        max_log_bytes=settings.max_log_bytes,
    )


def file_place(path: Path) -> FilePlace:
    """An SQLite file as a whole."""
    from studio_worker_studio.store.sqlite.copies import SqliteFile

    return SqliteFile(path)


def postgres_place(address: Secret) -> Place:
    """A PostgreSQL database as a whole.

    Raises:
        StoreError: what it needs is not installed.
    """
    with _explained():
        from studio_worker_studio.store.postgres.copies import PostgresPlace

    return PostgresPlace(address)


@contextmanager
def holding_postgres(address: Secret) -> Iterator[None]:
    """Keep studios away from a PostgreSQL database.

    Raises:
        StoreError: one serves it, or it cannot be used.
    """
    with _explained():
        from studio_worker_studio.store.postgres.hold import Hold

    with closing(Hold(address)):
        yield


def _open_postgres(settings: Settings, address: Secret) -> Store:
    with _explained():
        from studio_worker_studio.store.postgres.store import PostgresStore

    return PostgresStore(
        address, max_log_entries=settings.max_log_entries, max_log_bytes=settings.max_log_bytes
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise StoreError(
            f"PostgreSQL needs a library that is not there ({error}); "
            "install it: pip install 'studio-worker[postgres]'"
        ) from None
