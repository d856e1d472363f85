"""Which results in the outbox this worker may send as things stand."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_core.config import Config
from studio_worker_core.errors import ConfigError
from studio_worker_core.outbox import Entry
from studio_worker_core.studio_client.urls import normalise_base_url
from studio_worker_core.worker.sendable import sendable


def sendable_under(config: Config) -> Callable[[Entry], bool]:
    """Says of a result whether an identity that the config still has made it."""
    try:
        return sendable(normalise_base_url(config.api_base_url), config)
    except ConfigError:
        return lambda entry: entry.is_for(config.worker_id)
