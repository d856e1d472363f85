"""The settings that the local API shows and changes, in the words of the original worker."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import asdict, fields

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.config.values import value_from_text
from studio_worker_core.downloads.addresses import shown_url
from studio_worker_core.errors import ConfigError
from studio_worker_core.local_api.daemon import InvalidConfig, NotSaved, SettingsShown
from studio_worker_core.registration import change_settings
from studio_worker_core.studio_client.urls import normalise_base_url

_log = logging.getLogger("studio_worker.local_api")

_MEMORY_GB = (4, 1024)
_LEAST_INTERVAL = 60
_WRITE_SECONDS = 5.0
_NAMES = {field.name: field.encode_name for field in fields(SettingsShown)}


class ShownSettings:
    """The settings of one worker. Showing them asks no disk, but for the models folder once:
    a disk that hangs hides nothing.
    """

    def __init__(self, store: ConfigStore) -> None:
        self._store = store
        self._changing = threading.Lock()
        self._root: tuple[Path | None, str] | None = None

    def now(self) -> SettingsShown:
        """What they are. An address is shown without credentials."""
        config = self._store.config
        return SettingsShown(
            api_base_url=config.api_base_url,
            vram_threshold_gb=config.vram_threshold_gb,
            memory_max_gb=config.memory_max_gb,
            auto_start=config.auto_start,
            start_minimised=config.start_minimised,
            only_when_idle=config.only_when_idle,
            auto_update_enabled=config.auto_update_enabled,
            auto_update_interval_secs=config.auto_update_interval_secs,
            auto_update_feed=shown_url(config.auto_update_feed or _usual_feed()),
            auto_update_prerelease=config.auto_update_prerelease,
            models_root=self._models_root(config.models_root),
        )

    def change(self, wanted: SettingsShown) -> SettingsShown:
        """Make them those, in one write; what is as before is not looked at, nor written.

        Raises:
            InvalidConfig: a value cannot be used; nothing is changed.
            NotSaved: the file cannot be written; nothing is changed.
        """
        before = asdict(self.now())
        changes = {key: value for key, value in asdict(wanted).items() if value != before[key]}
        if not changes:
            return wanted
        for key, value in changes.items():
            complaint = _CHECKS[key](value) if key in _CHECKS else None
            if complaint is not None:
                raise InvalidConfig(f"{_NAMES[key]}: {complaint}", param=_NAMES[key])
        with self.writing():
            _write(self._store, dict(changes))
        _log.info("settings changed by the local API: %s", ", ".join(changes))
        return self.now()

    def set_texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Make settings what was typed for them, in one write; what is wrong, by key: nothing is
        changed then.

        Raises:
            InvalidConfig, NotSaved: see :meth:`writing`.
        """
        path = self._store.path
        changes: dict[str, Any] = {}
        wrong = {}
        for key, text in texts.items():
            try:
                value = value_from_text(key, text, path)
                if key == "api_base_url" and value is not None:
                    normalise_base_url(value)
            except ConfigError as error:
                wrong[key] = str(error).removeprefix(f"{path}: ").removeprefix(f"{key}: ")
                continue
            # A path stays as it was typed: '~' is expanded on reading, for whoever reads.
            changes[key] = text.strip() if isinstance(value, Path) else value
        if wrong or not changes:
            return wrong
        base_url = changes.pop("api_base_url", self._store.config.api_base_url)
        with self.writing():
            change_settings(self._store, base_url or Config().api_base_url, changes)
        _log.info("settings changed on the page: %s", ", ".join(texts))
        return {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One write at a time: on a disk that hangs, others do not pile up behind it.

        Raises:
            InvalidConfig, NotSaved: as what was written raised ConfigError.
        """
        if not self._changing.acquire(timeout=_WRITE_SECONDS):
            raise NotSaved("an earlier change is not written yet: the disk does not answer")
        try:
            yield
        except ConfigError as error:
            if error.key is not None:
                raise InvalidConfig(str(error)) from None
            raise NotSaved(str(error)) from None
        finally:
            self._changing.release()

    def _models_root(self, chosen: Path | None) -> str:
        known = self._root
        if known is None or known[0] != chosen:
            try:
                known = chosen, str(self._store.models_root)
            except ConfigError:
                known = chosen, ""  # nobody's home is known, and none is set
            self._root = known
        return known[1]


def _write(store: ConfigStore, changes: dict[str, Any]) -> None:
    base_url = changes.pop("api_base_url", store.config.api_base_url)
    if "models_root" in changes:
        changes["models_root"] = Path(changes["models_root"])
    if changes.get("auto_update_feed") == _usual_feed():
        changes["auto_update_feed"] = None
    change_settings(store, base_url.strip(), changes)


def _usual_feed() -> str:
    # The room asks servers, and loads what that needs.
    from studio_worker_core.updates.index import DEFAULT_INDEX

    return DEFAULT_INDEX


def _studio(value: str) -> str | None:
    try:
        normalise_base_url(value)
    except ConfigError as error:
        return str(error)
    return None


def _threshold(value: float) -> str | None:
    return None if value >= 0 and math.isfinite(value) else "must be a number of at least 0"


def _memory(value: int) -> str | None:
    least, most = _MEMORY_GB
    return None if least <= value <= most else f"must be from {least} to {most} GiB"


def _interval(value: int) -> str | None:
    return None if value >= _LEAST_INTERVAL else f"must be at least {_LEAST_INTERVAL} seconds"


def _feed(value: str) -> str | None:
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return "must be an http or https address"
    is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and value.isprintable()
    return None if is_address else "must be an http or https address"


def _folder(value: str) -> str | None:
    if not value.strip() or not value.isprintable():
        return "must be the path of a directory"
    return None


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "api_base_url": _studio,
    "vram_threshold_gb": _threshold,
    "memory_max_gb": _memory,
    "auto_update_interval_secs": _interval,
    "auto_update_feed": _feed,
    "models_root": _folder,
}
