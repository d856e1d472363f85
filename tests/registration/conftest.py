from __future__ import annotations

import pytest

from studio_worker_core.wire.capabilities import Capabilities
from tests.support.recording_handler import sample_capabilities


@pytest.fixture(scope="session")
def capabilities() -> Capabilities:
    return sample_capabilities()
