"""The built-in engine keeps the contract that every engine has to keep."""

from __future__ import annotations

import pytest

from studio_worker_core.testing.pytest_plugin import ConformanceCheck


@pytest.mark.studio_worker_engine("synthetic")
def test_synthetic_keeps_the_contract(conformance_check: ConformanceCheck) -> None:
    conformance_check.verify()
