"""The engines installed here, as every command that shows them sees them."""

from __future__ import annotations

import logging

from studio_worker_core import __version__
from studio_worker_core.config import ConfigStore
from studio_worker_core.engine_setup import EngineSettings
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.roster.descriptions import cache_file
from studio_worker_core.roster.discovery import allowed_plugins, discover
from studio_worker_core.roster.isolated import isolated_plugins
from studio_worker_core.roster.roster import Roster


def installed_engines(store: ConfigStore, *, ask_again: bool = False) -> Roster:
    """The plugins under the settings of ``store`` and the environment's allow-list.

    :param ask_again: ask every plugin, whatever it answered before.

    Raises:
        ConfigError: the config file cannot be used.
    """
    # Discovery logs what it finds wrong; the commands show it their own way, from the roster.
    logging.getLogger("studio_worker").addHandler(logging.NullHandler())
    host = HostInfo(
        api_version=API_VERSION, agent_version=__version__, models_root=store.models_root
    )
    return discover(
        host,
        disabled=store.config.plugins.disabled,
        allowed=allowed_plugins(),
        isolated=isolated_plugins(store.engines_root),
        cache=cache_file(store.models_root),
        ask_again=ask_again,
        judge=engine_settings(store),
    )


def engine_settings(store: ConfigStore) -> EngineSettings:
    """What the config of ``store`` sets for engines."""
    return EngineSettings(lambda: store.config, store.directory)
