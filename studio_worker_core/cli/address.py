"""The studio a command talks to when none is named."""

from __future__ import annotations

import typer

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError


def configured_address(store: ConfigStore) -> str:
    """The studio of the config; on a machine that never had one the built-in one, said aloud.

    Raises:
        ConfigError: there was a config that named one, and it is lost.
    """
    if store.has_lost_its_studio:
        raise ConfigError(
            f"{store.path} named a studio and does not any more"
            f"{f', see {store.lost}' if store.lost else ''}: name it with "
            "--api-base-url URL, or bring the file back",
            path=store.path,
            key="api_base_url",
        )
    if not store.names_a_studio:
        typer.echo(
            f"no studio is configured: this is about the built-in one, {Config().api_base_url} "
            "(--api-base-url names another)",
            err=True,
        )
    return store.config.api_base_url
