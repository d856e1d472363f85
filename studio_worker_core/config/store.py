"""The config file: read, edited in place, written whole or not at all."""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from studio_worker_core.config import document
from studio_worker_core.config.settings import Config
from studio_worker_core.config.values import (
    config_from_document,
    to_toml,
    unknown_keys,
    value_from_text,
)
from studio_worker_core.errors import ConfigCorrupt, ConfigError

__all__ = ["ConfigStore"]

_MAX_BYTES = 1024 * 1024


class ConfigStore:
    """The settings of one worker and the file they live in. Safe to use from any thread.

    Writers in other processes are kept out for the moment of an edit, and every edit
    starts from what is in the file then: a hand edit or a ``config set`` beside a running
    worker is never undone. Comments, order and keys we do not know survive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._mutex = threading.RLock()
        self._config: Config | None = None
        self._held: dict[str, Any] = {}
        self._unknown: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """Where the file lies, and by default models, outbox and lock with it."""
        return self.path.parent

    @property
    def models_root(self) -> Path:
        """Directory of the model files, absolute."""
        return self.directory / (self.config.models_root or "models")

    @property
    def outbox_root(self) -> Path:
        """Directory of the results that are not yet acknowledged."""
        return self.directory / "outbox"

    @property
    def engines_root(self) -> Path:
        """Directory of the environments of isolated plugins."""
        return self.directory / "engines"

    @property
    def lock_path(self) -> Path:
        """The file a running worker holds locked."""
        return self.directory / "worker.lock"

    @property
    def config(self) -> Config:
        """The current settings; read from the file on first use."""
        with self._mutex:
            return self._config if self._config is not None else self.load()

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys of the file that this version does not know; they are kept."""
        return self._unknown

    @property
    def unsaved(self) -> frozenset[str]:
        """Keys that :meth:`hold` keeps in memory only."""
        with self._mutex:
            return frozenset(self._held)

    def load(self) -> Config:
        """Read the file again; a missing one means defaults.

        Raises:
            ConfigCorrupt: the file is no TOML (see :meth:`set_aside`).
            ConfigError: it cannot be read, or a value is wrong (``key``).
        """
        with self._mutex:
            return self._adopt(self._parse(self._read()))

    def update(self, **changes: Any) -> Config:
        """Change settings in the file and here; None goes back to the default.

        A whole table is changed by giving its struct, e.g. ``limits=Limits(...)``. What
        :meth:`hold` kept is written along.

        Raises:
            ConfigError: a value does not fit, the file cannot be read as it is now, or
                cannot be written; the old file and the old settings then stand.
        """
        with self._mutex:
            return self._edit(_flat({**self._held, **changes}))

    def set_text(self, key: str, text: str) -> Config:
        """Change one dotted ``key`` to what an operator typed; empty text removes it.

        Raises:
            ConfigError: no such key, the text does not fit, or the file cannot be written.
        """
        value = value_from_text(key, text, self.path)
        # A path stays as it was typed: '~' is expanded on reading, for whoever reads.
        stored = text.strip() if isinstance(value, Path) else value
        with self._mutex:
            return self._edit({**_flat(self._held), key: stored})

    def hold(self, **changes: Any) -> Config:
        """Change settings in memory only, when :meth:`update` could not save them.

        They stay in force over what the file says, and the next update that succeeds
        writes them.
        """
        with self._mutex:
            before = self.config
            self._held |= changes
            self._config = replace(before, **_or_default(changes))
            return self._config

    def set_aside(self) -> Path:
        """Rename an unreadable file out of the way and return its new path.

        Nothing is lost: the new name is unused, ``config.toml.corrupt-<UTC time>``.

        Raises:
            ConfigError: the file cannot be renamed.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        with self._mutex, document.writing(self.path):
            target = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
            try:
                self.path.rename(target)
            except OSError as error:
                raise ConfigError(
                    f"cannot set {self.path} aside: {error.strerror}", path=self.path
                ) from error
            self._config = None
            return target

    def _adopt(self, table: Mapping[str, Any]) -> Config:
        config = config_from_document(table, self.path)
        self._unknown = unknown_keys(table)
        self._config = replace(config, **_or_default(self._held))
        return self._config

    def _edit(self, changes: Mapping[str, Any]) -> Config:
        with document.writing(self.path):
            text = self._read()
            self._parse(text)
            edited = document.edited(text, changes, self.path)
            table = self._parse(edited)
            config_from_document(table, self.path)
            document.check(table, changes, self.path)
            if edited != text or not self.path.exists():
                document.write_whole(self.path, edited.encode("utf-8"))
        self._held = {}
        return self._adopt(table)

    def _read(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise ConfigError(
                f"cannot read {self.path}: {error.strerror}", path=self.path
            ) from error
        if len(data) > _MAX_BYTES:
            raise ConfigCorrupt(self.path, f"longer than {_MAX_BYTES} bytes")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ConfigCorrupt(self.path, "not UTF-8 text", line=line) from None

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            # Only the place is taken from the parser: its words may quote a secret.
            place = re.search(r"\(at line (\d+)", str(error))
            line = int(place[1]) if place else text.count("\n") + 1
            raise ConfigCorrupt(self.path, "not valid TOML", line=line) from None


def _flat(changes: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in changes.items():
        if isinstance(value, Struct):
            flat |= {f"{key}.{name}": to_toml(item) for name, item in asdict(value).items()}
        else:
            flat[key] = to_toml(value)
    return flat


def _or_default(changes: Mapping[str, Any]) -> dict[str, Any]:
    default = Config()
    return {
        key: getattr(default, key) if value is None else value for key, value in changes.items()
    }
