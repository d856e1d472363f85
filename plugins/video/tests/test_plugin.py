"""What the plugin tells the host, and that telling it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from studio_worker_core.plugin import HostInfo
from studio_worker_video.plugin import studio_worker_engines, studio_worker_extensions
from studio_worker_video.settings import EXTENSIONS


def test_the_extensions_are_those_the_engine_writes() -> None:
    assert set(studio_worker_extensions()) == set(EXTENSIONS)


def test_the_engine_is_named_motion() -> None:
    (spec,) = studio_worker_engines(HostInfo(api_version=1, agent_version="0", models_root=Path()))
    assert spec.name == "motion"
    assert list(spec.models.values()) == [["motion"]]


def test_the_host_loads_no_library_of_the_engine() -> None:
    heavy = "{'av', 'numpy', 'PIL', 'imageio'}"
    code = f"import sys, studio_worker_video.plugin; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
