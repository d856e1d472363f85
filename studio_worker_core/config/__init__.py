"""What the operator set: the config structs, their file, and where it lies."""

from studio_worker_core.config.location import default_config_path
from studio_worker_core.config.settings import (
    RETIRED_KEYS,
    ApiSettings,
    Config,
    InputLimits,
    JournalLimits,
    Limits,
    OutboxLimits,
    PluginSettings,
    Registration,
)
from studio_worker_core.config.store import ConfigStore
from studio_worker_core.config.values import config_keys, engine_key, nearest_key, value_of

__all__ = [
    "RETIRED_KEYS",
    "ApiSettings",
    "Config",
    "ConfigStore",
    "InputLimits",
    "JournalLimits",
    "Limits",
    "OutboxLimits",
    "PluginSettings",
    "Registration",
    "config_keys",
    "default_config_path",
    "engine_key",
    "nearest_key",
    "value_of",
]
