"""Editing TOML text in place, and replacing a file so that it is always whole."""

from __future__ import annotations

import contextlib
import os
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studio_worker_core import file_lock
from studio_worker_core.config.values import config_keys
from studio_worker_core.errors import ConfigError

__all__ = ["check", "edited", "write_whole", "writing"]

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
            if key not in known and not (value is None and key in tables):
                raise ConfigError(f"there is no setting named {key!r}", path=path, key=key)
            head, _, name = key.rpartition(".")
            if value is None:
                container: Any = document.get(head) if head else document
                if container is not None and name in container:
                    container.remove(name)
                continue
            if not head and key not in document:
                text = _with_new_key(tomlkit.dumps(document), tomlkit.dumps({key: value}))
                document = tomlkit.parse(text)
                continue
            if head and head not in document:
                document[head] = tomlkit.table()
            container = document[head] if head else document
            if name in container and container[name] == value:
                continue
            container[name] = value
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"cannot edit {path}: {error}", path=path) from error


def check(table: Mapping[str, Any], changes: Mapping[str, Any], path: Path) -> None:
    """See that an edit did what it was to do, before it replaces anything.

    Raises:
        ConfigError: it did not (``key``).
    """
    for key, value in changes.items():
        head, _, name = key.rpartition(".")
        found = (table.get(head, {}) if head else table).get(name)
        if found != value:
            raise ConfigError(
                f"cannot edit {key} in {path}; change it with 'studio-worker config edit'",
                path=path,
                key=key,
            )


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


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep other processes from editing ``path`` meanwhile.

    Raises:
        ConfigError: the directory cannot be written, or the lock stays taken for 10 s.
    """
    lock_path = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not file_lock.acquire(descriptor):
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"another process keeps {path} locked; end it and try again", path=path
                )
            time.sleep(_LOCK_PAUSE_SECONDS)
        yield
    finally:
        file_lock.release(descriptor)
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Replace ``path`` (the file behind it, when it is a link) at once, readable by us only.

    A full disk, a crash or a power cut leaves either the old file or the new one. Call
    it inside :func:`writing`.

    Raises:
        ConfigError: it could not be written; the old file stands.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        try:
            _write_synced(part, data)
            part.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _write_synced(part: Path, data: bytes) -> None:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a directory, and flushes renames itself.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot write {path}: {error.strerror}; make room or mend the permissions of "
        f"{path.parent}, or name another file with --config",
        path=path,
    )
