"""The engines installed here, as every command that shows them sees them."""

from __future__ import annotations

import logging

from studio_worker_core import __version__
from studio_worker_core.config import ConfigStore
from studio_worker_core.engines.discovery import allowed_plugins, discover
from studio_worker_core.engines.isolated import isolated_plugins
from studio_worker_core.engines.roster import Roster
from studio_worker_core.plugin import API_VERSION, HostInfo

__all__ = ["installed_engines"]


def installed_engines(store: ConfigStore) -> Roster:
    """Discover the plugins under the settings of ``store`` and the environment's allow-list.

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
    )
