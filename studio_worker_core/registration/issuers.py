"""Whose credentials are whose: what this install is to each studio, in the one config file.

The flat keys of the config are about one studio, ``registered_at``, or ``api_base_url`` where
that is not set; what this install is to others lies in the table ``registrations``, so that
trying another studio loses nothing and no credential goes to a studio that did not issue it
(protocol §2).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from studio_worker_core.config import Config, Registration
from studio_worker_core.errors import ConfigError
from studio_worker_core.registration.machine import Identity
from studio_worker_core.studio_client.urls import normalise_base_url

_MOST_KEPT = 8
_KEYS = {
    "install_id": "install_id",
    "worker_id": "worker_id",
    "auth_token": "auth_token",
    "request_id": "registration_request_id",
    "secret": "registration_secret",
    "requested_at": "registration_requested_at",
    "rejected": "registration_rejected",
    "replaces": "replaced_install_id",
}
"""Fields of an :class:`Identity`, and the config keys that hold them."""

_log = logging.getLogger("studio_worker.registration")


def identity_at(base_url: str, config: Config) -> Identity:
    """What this install is to the studio at ``base_url`` (see §1).

    The one place that hands out credentials: to a studio that issued none this install is
    nobody (protocol §2).
    """
    if same_studio(_owner(config), base_url):
        return _identity(config)
    for address, registration in config.registrations.items():
        if same_studio(address, base_url):
            return _identity(registration)
    return Identity(install_id=config.install_id)


def identities(config: Config) -> Iterator[tuple[str, Identity]]:
    """Every studio this install has to do with, and what it is there."""
    if not _is_nobody(_identity(config)):
        yield _owner(config), _identity(config)
    for address, registration in config.registrations.items():
        yield address, _identity(registration)


def issuer_of(worker_id: str, config: Config) -> str | None:
    """Address of the studio whose credentials this worker has under that id; the configured
    studio, when it is one of several. None when there is none (any more)."""
    found = [
        address
        for address, identity in identities(config)
        if identity.worker_id == worker_id and identity.auth_token is not None
    ]
    configured = (address for address in found if same_studio(address, config.api_base_url))
    return next(configured, found[0] if found else None)


def at_home(base_url: str, config: Config) -> bool:
    """Whether the flat keys of the config are about the studio at ``base_url``, and say so."""
    if config.registered_at is not None:
        return same_studio(config.registered_at, base_url)
    return _is_nobody(_identity(config))


def kept_as(base_url: str, config: Config, identity: Identity) -> dict[str, Any]:
    """The settings that make this install ``identity`` at the studio ``base_url``.

    What it is to other studios is kept: at most 8 of them, beyond which the oldest is
    forgotten, one that never was approved before one that was.
    """
    others = {
        address: registration
        for address, registration in config.registrations.items()
        if not same_studio(address, base_url)
    }
    if same_studio(_owner(config), base_url):
        flat = _settings(identity) | {"registered_at": base_url}
    elif same_studio(config.api_base_url, base_url):
        flat = _settings(identity) | {"registered_at": base_url}
        here = _identity(config)
        if not _is_nobody(here):
            others[_key(_owner(config))] = Registration(**_settings(here))
    else:
        # The operator has moved on to another studio meanwhile: the flat keys are about that.
        flat = {}
        others[base_url] = Registration(**_settings(identity))
    return flat | {"registrations": _bounded(others)}


def moved_to(base_url: str, config: Config) -> dict[str, Any]:
    """The settings that make ``base_url`` the configured studio, with what we are there."""
    if same_studio(config.api_base_url, base_url):
        return {}
    here = _identity(config)
    # Said before the address changes: what has no owner yet is about the one set until now.
    owner = _owner(config) if not _is_nobody(here) else config.registered_at
    after = replace(config, api_base_url=base_url, registered_at=owner)
    if at_home(base_url, after):
        return {"api_base_url": base_url}
    return {"api_base_url": base_url} | kept_as(base_url, after, identity_at(base_url, after))


def same_studio(address: str, base_url: str) -> bool:
    """Whether two addresses are those of one studio; one that cannot be read is of none."""
    try:
        return normalise_base_url(address) == normalise_base_url(base_url)
    except ConfigError:
        return False


def _owner(config: Config) -> str:
    return config.registered_at or config.api_base_url


def _key(address: str) -> str:
    try:
        return normalise_base_url(address)
    except ConfigError:
        return address


def _is_nobody(identity: Identity) -> bool:
    """Whether there is nothing to lose but the identity of the install."""
    return identity == Identity(install_id=identity.install_id)


def _bounded(registrations: dict[str, Registration]) -> dict[str, Registration]:
    kept = dict(registrations)
    while len(kept) > _MOST_KEPT:
        oldest = min(kept, key=lambda address: kept[address].auth_token is not None)
        _log.warning(
            "forgetting what this worker was at %s: the registrations of %d other studios are kept",
            *(oldest, _MOST_KEPT),
        )
        del kept[oldest]
    return kept


def _identity(source: Config | Registration) -> Identity:
    found = {field: getattr(source, key) for field, key in _KEYS.items()}
    secret = found["secret"]
    if secret is not None and not _sendable(secret.reveal()):
        found["secret"] = None  # damaged by hand: no poll could ever present it
    return Identity(**found)


def _settings(identity: Identity) -> dict[str, Any]:
    return {key: getattr(identity, field) for field, key in _KEYS.items()}


def _sendable(text: str) -> bool:
    return bool(text) and all("!" <= character <= "~" for character in text)
