"""What is written into a config file beside a change that was asked for, and in which form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from studio_worker_core.config.settings import REQUIRED_KEYS, Config
from studio_worker_core.config.values import to_toml


def required(table: Mapping[str, Any], changes: Mapping[str, Any], now: Config) -> dict[str, Any]:
    """What the file has to have and would not have after ``changes``."""
    after = {**table, **changes}
    return {
        key: getattr(Config() if key in changes else now, key)
        for key in REQUIRED_KEYS
        if after.get(key) is None
    }


def former_credentials(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Credentials from before ``registered_at`` belong to the studio that was set until now."""
    has_identity = table.get("worker_id") or table.get("registration_request_id")
    if "api_base_url" not in changes or table.get("registered_at") or not has_identity:
        return {}
    return {"registered_at": table.get("api_base_url", Config().api_base_url)}


def flat(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` of settings as keys of the file, in the types that the existing worker reads."""
    found: dict[str, Any] = {}
    for key, value in changes.items():
        if isinstance(value, Struct):
            found |= {f"{key}.{name}": to_toml(item) for name, item in asdict(value).items()}
        else:
            # 12 for 12.0 is fine here; the original worker gets the type that it expects.
            is_number = type(value) is int and isinstance(getattr(Config(), key, None), float)
            found[key] = float(value) if is_number else to_toml(value)
    return found


def or_default(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` of settings, with the default for each that is None."""
    default = Config()
    return {
        key: getattr(default, key) if value is None else value for key, value in changes.items()
    }
