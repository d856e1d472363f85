"""The engine keeps the contract that every engine has to keep."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from plugins.llm.tests.tiny_gguf import write_model
from studio_worker_core.plugin import Model
from studio_worker_core.testing.pytest_plugin import ConformanceCheck

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed"),
]

# A marker is made before any fixture could make the file.
_PLACE = Path(tempfile.mkdtemp(prefix="studio-worker-gguf-"))
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)
NOISE = Model("noise", {"model": [write_model(_PLACE / "noise.gguf", "random", context=4096)]})


@pytest.mark.studio_worker_engine("llama-cpp", models=[NOISE])
def test_llama_cpp_keeps_the_contract(conformance_check: ConformanceCheck) -> None:
    conformance_check.verify()
