"""What the operator set: the config structs, their file, and where it lies."""

from studio_worker_core.config.location import default_config_path
from studio_worker_core.config.settings import (
    Config,
    InputLimits,
    Limits,
    OutboxLimits,
    PluginSettings,
)
from studio_worker_core.config.store import ConfigStore
from studio_worker_core.config.values import config_keys, value_of

__all__ = [
    "Config",
    "ConfigStore",
    "InputLimits",
    "Limits",
    "OutboxLimits",
    "PluginSettings",
    "config_keys",
    "default_config_path",
    "value_of",
]
