"""Changes to what this install is to its studios, beside a worker that runs or without one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.registration.issuers import at_home, identity_at, kept_as, moved_to
from studio_worker_core.registration.machine import Identity
from studio_worker_core.studio_client.urls import normalise_base_url


def settle(store: ConfigStore) -> None:
    """As :meth:`.Registrar.settle`, after the address was changed beside a worker or without one.

    Raises:
        ConfigError: the config file cannot be written, or its address is none.
    """
    base_url = normalise_base_url(store.config.api_base_url)
    if not at_home(base_url, store.config):
        store.revise(lambda config: kept_as(base_url, config, identity_at(base_url, config)))


def change_settings(store: ConfigStore, base_url: str, changes: Mapping[str, Any]) -> None:
    """Make ``base_url`` the configured studio, with ``changes`` of other settings, in one write;
    what this install is to the studio before it is kept.

    Raises:
        ConfigError: a value does not fit, or the file cannot be written; nothing is changed then.
    """
    store.revise(lambda config: {**changes, **moved_to(base_url, config)})


def reset(store: ConfigStore, base_url: str) -> None:
    """Forget everything about the studio at ``base_url``: the next request there is that of a
    new install.

    Raises:
        ConfigError: the config file cannot be written; nothing is forgotten then.
    """
    store.revise(lambda config: _anew(base_url, config))


def forget_rejection(store: ConfigStore) -> bool:
    """As :func:`reset` of the configured studio, if that has rejected this worker; whether it
    has.

    Raises:
        ConfigError: the config file cannot be written, or its address is none; nothing is
            forgotten then.
    """
    base_url = normalise_base_url(store.config.api_base_url)

    def change(config: Config) -> dict[str, Any]:
        if identity_at(base_url, config).rejected is None:
            raise _NotRejected
        return _anew(base_url, config)

    try:
        store.revise(change)
    except _NotRejected:
        return False
    return True


def _anew(base_url: str, config: Config) -> dict[str, Any]:
    before = identity_at(base_url, config)
    waiting = before.install_id if before.request_id else before.replaces
    # Minted at once: a running worker tells a reset from a torn file by it.
    nobody = Identity(install_id=str(uuid.uuid4()), replaces=waiting)
    return kept_as(base_url, config, nobody)


class _NotRejected(Exception):
    """There is nothing to forget."""
