"""What wins over the config file."""

from __future__ import annotations

from collections.abc import Mapping

VARIABLES: Mapping[str, str] = {"local_api_port": "STUDIO_WORKER_LOCAL_API_PORT"}
"""Environment variables, by the key that each stands over."""
