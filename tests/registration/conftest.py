from __future__ import annotations

import pytest

from studio_worker_core.wire.capabilities import Capabilities


@pytest.fixture(scope="session")
def capabilities() -> Capabilities:
    return Capabilities(
        machine_name="box",
        username="ada",
        agent_version="0.1.0",
        engine="multi",
        vram_total_gb=0.0,
        vram_threshold_gb=8.0,
        auto_enabled=True,
        auto_start=False,
        supported_models=[],
        task_kinds=[],
        supported_models_per_kind={},
    )
