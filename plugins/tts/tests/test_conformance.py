"""Both engines keep the contract that every engine has to keep."""

from __future__ import annotations

import pytest

from studio_worker_core.testing.pytest_plugin import ConformanceCheck


@pytest.mark.studio_worker_engine("espeak")
def test_espeak_keeps_the_contract(conformance_check: ConformanceCheck) -> None:
    conformance_check.verify()


@pytest.mark.studio_worker_engine("formant")
def test_formant_keeps_the_contract(conformance_check: ConformanceCheck) -> None:
    conformance_check.verify()
