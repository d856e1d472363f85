"""Databases of studios as a whole: brought up to date, backed up, restored, and moved."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_core.storage.aside import move_to_free
from studio_worker_core.storage.atomic import draft_beside
from studio_worker_core.storage.disk import sync_directory
from studio_worker_core.storage.locks import FileLock
from studio_worker_studio.errors import DataDirectoryInUse
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.opening import (
    file_place,
    holding_postgres,
    open_store,
    postgres_place,
)
from studio_worker_studio.store.transfer import Moved, Place, digests, transfer

_LOCK = "studio.lock"


def versions(settings: Settings) -> tuple[int, int]:
    """The version of a studio's database, and the one that this program makes.

    Raises:
        StudioWorkerError: it cannot be used.
    """
    place = _place(settings)
    return place.version(), place.newest


def migrate(settings: Settings) -> None:
    """Bring a studio's database to the newest version, and look whether it is whole.

    Raises:
        StudioWorkerError: a studio serves it, it cannot be used, or it is not whole.
    """
    if settings.postgres is not None:
        open_store(settings).close()
    else:
        _place(settings).check()  # nothing is changed in a damaged one
        with _held(settings.data):
            open_store(settings).close()
    _place(settings).check()


def backup(settings: Settings, target: Path) -> list[Moved]:
    """Write what is in the database at this moment into one SQLite file, also while the studio
    runs. Answers what is in it.

    Raises:
        StudioWorkerError: the database fails, or the copy is not whole.
        OSError: the file cannot be written, or there is one.
    """
    place = _place(settings)
    if target.exists():
        raise FileExistsError(f"there is a file {target} already")
    with _draft(target) as draft:
        if settings.postgres is not None:
            written = transfer(place, file_place(draft))
            file_place(draft).check()
            return written
        file_place(settings.database).copy_to(draft)
        return _content(draft)


def restore(settings: Settings, source: Path) -> tuple[list[Moved], Path | None]:
    """Make a backup a studio's database. What it had in a file is set aside; in PostgreSQL it
    has to be empty. Answers what was restored, and where the old file is.

    Raises:
        StudioWorkerError: a studio serves it, or the backup or the database cannot be used.
        OSError: a file cannot be written.
    """
    if settings.postgres is not None:
        with tempfile.TemporaryDirectory(prefix="studio-restore-") as directory:
            current = _current_copy(source, Path(directory) / "studio.db")
            with holding_postgres(settings.postgres):
                return transfer(file_place(current), postgres_place(settings.postgres)), None
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _held(settings.data):
        aside: Path | None = None
        with _draft(settings.database) as draft:
            restored = _content(_current_copy(source, draft))
            if settings.database.is_file():
                # Opened once, so that nothing of it is left in a file beside it.
                if settings.database.stat().st_size:
                    file_place(settings.database).version()
                settings.aside.mkdir(exist_ok=True, mode=0o700)
                aside = move_to_free(settings.database, settings.aside / settings.database.name)
    return restored, aside


def move(source: Path | Secret, target: Path | Secret) -> list[Moved]:
    """Copy a studio's database into another one, which is empty, and compare the two. The old
    one stays as it is.

    Raises:
        StudioWorkerError: a studio serves one of them, one cannot be used, or the copy is not
            the same; the target is empty then.
        OSError: a file cannot be written.
    """
    with _exclusive(source) as old:
        if isinstance(target, Secret):
            with holding_postgres(target):
                return transfer(old, postgres_place(target))
        if target.exists():
            raise StudioWorkerError(f"there is a file {target} already; nothing is written over")
        with _draft(target) as draft:
            return transfer(old, file_place(draft))


def _place(settings: Settings) -> Place:
    if settings.postgres is not None:
        return postgres_place(settings.postgres)
    if not settings.database.is_file():
        raise StudioWorkerError(
            f"{settings.data} holds no studio (no {settings.database.name}); give --data"
        )
    return file_place(settings.database)


@contextmanager
def _exclusive(address: Path | Secret) -> Iterator[Place]:
    if isinstance(address, Secret):
        with holding_postgres(address):
            yield postgres_place(address)
    elif not address.is_file():
        raise StudioWorkerError(f"there is no database {address}")
    else:
        with _held(address.parent):
            yield file_place(address)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Keep studios away from a data directory."""
    lock = FileLock(directory / _LOCK)
    if not lock.acquire():
        raise DataDirectoryInUse(directory)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file that gets its name once it is whole."""
    if not target.parent.is_dir():
        raise StudioWorkerError(f"there is no directory {target.parent}")
    draft = draft_beside(target)
    try:
        draft.touch(0o600, exist_ok=False)
        yield draft
        draft.replace(target)
        sync_directory(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _current_copy(source: Path, target: Path) -> Path:
    """A copy of a backup, with current tables: the backup stays as it is."""
    file_place(source).check()
    if not file_place(source).version():
        raise StudioWorkerError(f"{source} is no database of a studio")
    file_place(source).copy_to(target)
    with file_place(target).filling():
        pass
    return target


def _content(path: Path) -> list[Moved]:
    place = file_place(path)
    place.check()
    if place.version() != place.newest:
        return []  # an older one, which is copied as it is
    with place.snapshot() as c:
        return digests(c)
