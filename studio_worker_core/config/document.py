"""Editing TOML text in place, and replacing a file so that it is always whole."""

from __future__ import annotations

import contextlib
import os
import stat
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studio_worker_core.config.values import config_keys, engine_key
from studio_worker_core.errors import ConfigError
from studio_worker_core.storage import atomic
from studio_worker_core.storage.atomic import remove_drafts
from studio_worker_core.storage.disk import Disk
from studio_worker_core.storage.locks import FileLock

_LOCK_SECONDS = 10.0
_LOCK_PAUSE_SECONDS = 0.01


def edited(text: str, changes: Mapping[str, Any], path: Path) -> str:
    """``text`` with dotted keys set to plain values; None removes a key.

    Comments, order and everything not named stay as they are.

    Raises:
        ConfigError: a key is not known, or a key in the way is no table.
    """
    import tomlkit  # 37 ms, and only needed to write
    from tomlkit.exceptions import TOMLKitError

    known = set(config_keys())
    tables = {key.partition(".")[0] for key in known if "." in key}
    try:
        document = tomlkit.parse(text)
        for key, value in changes.items():
            is_known = key in known or engine_key(key) is not None
            if not is_known and not (value is None and key in tables):
                raise ConfigError(f"there is no setting named {key!r}", path=path, key=key)
            head, _, name = key.rpartition(".")
            if value is None:
                container: Any = _table_at(document, head)
                if container is not None and name in container:
                    container.remove(name)
                continue
            if isinstance(value, dict) and not head:
                document = tomlkit.parse(_with_tables(document, key, value))
                continue
            if not head and key not in document:
                text = _with_new_key(tomlkit.dumps(document), tomlkit.dumps({key: value}))
                document = tomlkit.parse(text)
                continue
            container = _table_at(document, head, make=True)
            if name in container and container[name] == value:
                continue
            container[name] = _inline(value) if isinstance(value, dict) else value
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"cannot edit {path}: {error}", path=path) from error


def check_edit(table: Mapping[str, Any], changes: Mapping[str, Any], path: Path) -> None:
    """See that an edit did what it was to do, before it replaces anything.

    Raises:
        ConfigError: it did not (``key``).
    """
    for key, value in changes.items():
        head, _, name = key.rpartition(".")
        if (_table_at(table, head) or {}).get(name) != value:
            raise ConfigError(
                f"cannot edit {key} in {path}; change it with 'studio-worker config edit'",
                path=path,
                key=key,
            )


def _table_at(table: Any, head: str, *, make: bool = False) -> Any:
    """The table of a dotted name; None where there is none, and it is not to be made."""
    parts = head.split(".") if head else []
    for number, part in enumerate(parts, 1):
        if part not in table:
            if not make:
                return None
            import tomlkit

            if isinstance(table, tomlkit.items.InlineTable):
                table[part] = tomlkit.inline_table()
            else:
                table[part] = tomlkit.table(is_super_table=number < len(parts))
        table = table[part]
    return table


def _inline(pairs: Mapping[str, Any]) -> Any:
    """``{ a = "b" }``, which stays in the lines of its table."""
    import tomlkit

    table = tomlkit.inline_table()
    table.update(pairs)
    return table


def _with_tables(document: Any, key: str, tables: dict[str, Any]) -> str:
    """The text of ``document`` with the tables ``[key.name]``: in their place, or at the end,
    where they take over nobody's comments."""
    import tomlkit
    from tomlkit.items import Table

    found = document.get(key)
    wanted = tomllib.loads(tomlkit.dumps(document)) | {key: tables}
    if isinstance(found, Table):
        for name in [name for name in found if name not in tables]:
            found.remove(name)
        for name, items in tables.items():
            if name not in found or found[name] != items:
                found[name] = items
        text = tomlkit.dumps(document)
        with contextlib.suppress(tomllib.TOMLDecodeError):
            if tomllib.loads(text) == wanted:
                return text
    if found is not None:
        document.remove(key)  # written by hand in some other form
    text = tomlkit.dumps(document)
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}\n{tomlkit.dumps({key: tables})}"


def _with_new_key(text: str, assignment: str) -> str:
    """``text`` with a line after the last key that stands before the tables.

    tomlkit would put it right before the first ``[table]`` and so take over the comment
    that belongs to the table.
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    wanted = tomllib.loads(text) | tomllib.loads(assignment)
    starts = [n for n, line in enumerate(lines) if line.lstrip().startswith("[")]
    for start in [*starts, len(lines)]:
        number = start
        while 0 < number < len(lines) and not lines[number - 1].split("#")[0].strip():
            number -= 1  # back over the table's own comments
        candidate = "".join([*lines[:number], assignment, *lines[number:]])
        with contextlib.suppress(tomllib.TOMLDecodeError):
            # A bracket inside a list or a long text is no table: the result tells.
            if tomllib.loads(candidate) == wanted:
                return candidate
    raise ValueError(f"there is no place for {assignment.split(' ')[0]}")


def read_regular(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of a file; never waits for a writer of a FIFO.

    Raises:
        ConfigError: it is no regular file.
        OSError: it cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"{path} is no regular file; name a file with --config", path=path)
        return file.read(most)


@contextlib.contextmanager
def editing(path: Path) -> Iterator[FileLock]:
    """Keep other processes from editing ``path`` meanwhile.

    Raises:
        ConfigError: the directory cannot be written, or the lock stays taken for 10 s.
    """
    lock = FileLock(_lock_path(path))
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not lock.acquire():
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"another process keeps {path} locked; end it and try again", path=path
                )
            time.sleep(_LOCK_PAUSE_SECONDS)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        remove_drafts(_behind(path))
        yield lock
    finally:
        lock.release()


def note_written(lock: FileLock) -> None:
    """Leave a trace beside the file of ``lock`` that it was written, should it ever be lost."""
    with contextlib.suppress(OSError):
        lock.mark(b"written\n")


def was_written(path: Path) -> bool:
    """Whether :func:`note_written` was ever called for ``path``."""
    try:
        return _lock_path(path).stat().st_size > 0
    except OSError:
        return False


def replace_config(path: Path, data: bytes, *, disk: Disk | None = None) -> None:
    """Replace ``path`` (the file behind it, when it is a link) at once, readable by us only.

    A full disk, a crash or a power cut leaves either the old file or the new one.

    Raises:
        ConfigError: it could not be written; the old file stands.
    """
    try:
        atomic.write_whole(_behind(path), data, disk=disk)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _behind(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot write {path}: {error.strerror}; make room or mend the permissions of "
        f"{path.parent}, or name another file with --config",
        path=path,
    )
