"""The config file: read, edited in place, written whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from studio_worker_core.config import document
from studio_worker_core.config.edits import flat, former_credentials, or_default, required
from studio_worker_core.config.reading import parsed, read_text
from studio_worker_core.config.settings import Config
from studio_worker_core.config.values import (
    config_from_document,
    to_toml,
    unknown_keys,
    value_from_text,
)
from studio_worker_core.errors import ConfigError
from studio_worker_core.storage.aside import set_aside

# Nobody takes these out of the file of a running worker: without them it is torn …
_LASTING = ("api_base_url", "install_id")
# … nor these, unless they went with another install (a reset) or to another studio.
_CREDENTIALS = ("worker_id", "auth_token")


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
        self._blank = False
        self._text = ""
        """The file as it was read or written last, and its keys: what to write where it is lost."""
        self._kept: frozenset[str] = frozenset()
        self._edits = 0

    @property
    def directory(self) -> Path:
        """Where the file lies, and by default models, outbox and lock with it."""
        return self.path.parent

    @property
    def models_root(self) -> Path:
        """Directory of the model files, absolute.

        Raises:
            ConfigError: it is not set, and this user has no home directory.
        """
        beside = self.directory / "models"
        if (chosen := self.config.models_root) is not None:
            # The file is UTF-8 whatever the locale makes of the names of files.
            return self.directory / os.fsdecode(str(chosen).encode("utf-8", "surrogateescape"))
        if beside.is_dir():
            return beside  # where an earlier version put them
        try:
            return Path.home() / "models"
        except RuntimeError as error:
            raise ConfigError(
                "no home directory is known for this user; set models_root to a directory",
                path=self.path,
                key="models_root",
            ) from error

    @property
    def catalogue_path(self) -> Path:
        """The file of the models this worker knows, the original worker's too."""
        return self.directory / "models.json"

    @property
    def outbox_root(self) -> Path:
        """Directory of the results that are not yet acknowledged."""
        return self.directory / "outbox"

    @property
    def journal_path(self) -> Path:
        """The file of the job journal."""
        return self.directory / "journal" / "jobs.sqlite3"

    @property
    def engines_root(self) -> Path:
        """Directory of the environments of isolated plugins."""
        return self.directory / "engines"

    @property
    def lock_path(self) -> Path:
        """The file a running worker holds locked."""
        return self.directory / "daemon.lock"

    @property
    def config(self) -> Config:
        """The current settings; read from the file on first use, from memory ever after: it
        never waits for the file, nor for who edits it."""
        config = self._config
        return config if config is not None else self.load()

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys of the file that this version does not know; they are kept."""
        return self._unknown

    @property
    def is_blank(self) -> bool:
        """True when the file is there and holds no setting at all."""
        return self._blank and self.path.exists()

    @property
    def was_never_there(self) -> bool:
        """Whether no file was found and none was written by now: the defaults are meant."""
        return not self._kept and not self.path.exists()

    @property
    def lost(self) -> Path | None:
        """The file set aside last, while nothing has taken its place."""
        if self.path.exists():
            return None
        return max(self.directory.glob(f"{self.path.name}.corrupt-*"), default=None)

    @property
    def names_a_studio(self) -> bool:
        """Whether the file says which studio; else it is the built-in one."""
        return "api_base_url" in self._kept

    @property
    def has_lost_its_studio(self) -> bool:
        """Whether a file that named a studio was here, and does so no more: the built-in one is
        then not the one that is meant."""
        return not self.names_a_studio and (
            document.was_written(self.path) or self.is_blank or self.lost is not None
        )

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
            text = read_text(self.path) or ""
            return self._adopt(parsed(self.path, text), text)

    def follow(self) -> Config:
        """Read the file again while a worker runs on it: only a whole one is taken over.

        The settings can be read and changed meanwhile, however long the file takes.

        Raises:
            ConfigError: it is gone, empty, unreadable or torn (an address or credentials that
                it held are missing), or a value is wrong. The settings from before stand.
        """
        edits = self._edits
        text = read_text(self.path)
        table = parsed(self.path, text or "")
        lasting = _LASTING if self._is_anew(table) else (*_LASTING, *_CREDENTIALS)
        gone = [key for key in lasting if key in self._kept and key not in table]
        if text is None or not table or gone:
            what = "is gone" if text is None else "holds no setting"
            raise ConfigError(
                f"{self.path} {f'has lost {gone[0]}' if table else what}", path=self.path
            )
        config_from_document(table, self.path)
        with self._mutex:
            # What this process has written meanwhile is newer than what was read.
            return self._adopt(table, text) if edits == self._edits else self.config

    def update(self, **changes: Any) -> Config:
        """Change settings in the file and here; None goes back to the default.

        A whole table is changed by giving its struct, e.g. ``limits=Limits(...)``. What
        :meth:`hold` kept is written along.

        Raises:
            ConfigError: a value does not fit, the file cannot be read as it is now, or
                cannot be written; the old file and the old settings then stand.
        """
        with self._mutex:
            return self._edit(lambda _: flat({**self._held, **changes}))

    def revise(self, change: Callable[[Config], Mapping[str, Any]]) -> Config:
        """As :meth:`update`, with changes that follow from the settings as they are in the file
        at that moment; nobody edits it in between. What ``change`` raises ends the edit.

        Raises:
            ConfigError: see :meth:`update`.
        """

        def changes(table: Mapping[str, Any]) -> Mapping[str, Any]:
            found = config_from_document(table, self.path)
            held = self._held
            return flat({**held, **change(replace(found, **or_default(held)))})

        with self._mutex:
            return self._edit(changes)

    def set_text(self, key: str, text: str) -> Config:
        """Change one dotted ``key`` to what an operator typed; empty text removes it.

        Raises:
            ConfigError: no such key, the text does not fit, or the file cannot be written.
        """
        value = value_from_text(key, text, self.path)
        # A path stays as it was typed: '~' is expanded on reading, for whoever reads.
        stored = text.strip() if isinstance(value, Path) else to_toml(value)
        return self.set_value(key, stored)

    def set_value(self, key: str, value: Any) -> Config:
        """Change one dotted ``key`` to a plain value; None removes it.

        Raises:
            ConfigError: see :meth:`update`.
        """
        with self._mutex:
            return self._edit(lambda _: {**flat(self._held), key: value})

    def hold(self, **changes: Any) -> Config:
        """Change settings in memory only, when :meth:`update` could not save them.

        They stay in force over what the file says, and the next update that succeeds
        writes them.
        """
        with self._mutex:
            before = self.config
            self._held |= changes
            self._config = replace(before, **or_default(changes))
            return self._config

    def set_aside(self) -> Path:
        """Rename an unreadable file out of the way and return its new path.

        Nothing is lost: the new name is unused, ``config.toml.corrupt-<UTC time>``.

        Raises:
            ConfigError: the file cannot be renamed.
        """
        with self._mutex, document.editing(self.path):
            try:
                target = set_aside(self.path)
            except OSError as error:
                raise ConfigError(
                    f"cannot set {self.path} aside: {error.strerror}", path=self.path
                ) from error
            self._config = None
            self._text, self._kept = "", frozenset()
            return target

    def _is_anew(self, table: Mapping[str, Any]) -> bool:
        """Whether a file that has changed is about another install or another studio."""
        before = self.config
        marks = ("install_id", "registered_at")
        return any(table.get(key) not in (None, getattr(before, key)) for key in marks)

    def _adopt(self, table: Mapping[str, Any], text: str) -> Config:
        config = config_from_document(table, self.path)
        self._text, self._kept = text, frozenset(table)
        self._unknown = unknown_keys(table)
        self._blank = not table
        self._config = replace(config, **or_default(self._held))
        return self._config

    def _edit(self, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Config:
        with document.editing(self.path) as lock:
            found = read_text(self.path)
            text = found or ""
            table = parsed(self.path, text)
            if not table and self._kept:
                # Lost since it was read: what it held is known, and nothing else will do.
                text = self._text
                table = parsed(self.path, text)
            changes = change(table)
            changes = {**former_credentials(table, changes), **changes}
            changes |= required(table, changes, self._config or Config())
            edited = document.edited(text, changes, self.path)
            table = parsed(self.path, edited)
            config_from_document(table, self.path)
            document.check_edit(table, changes, self.path)
            if edited != found:
                document.replace_config(self.path, edited.encode("utf-8"))
                document.note_written(lock)
            self._edits += 1
        self._held = {}
        return self._adopt(table, edited)
