"""Which engines are offered."""

from __future__ import annotations

import subprocess
import sys

from studio_worker_core.plugin import TaskKind
from studio_worker_image.model_engines import model_engines


def test_an_engine_is_offered_where_its_libraries_are_installed() -> None:
    assert model_engines(lambda _: False) == []
    native = model_engines(lambda module: module == "stable_diffusion_cpp")
    assert [spec.name for spec in native] == ["sd-cpp"]
    assert model_engines(lambda module: module != "torch") == native
    both = model_engines(lambda _: True)
    assert [spec.name for spec in both] == ["sd-cpp", "diffusers"]
    for spec in both:
        assert spec.models == {TaskKind.IMAGE: [f"{spec.name}:*"]}


def test_asking_imports_nothing_heavy() -> None:
    code = (
        "import sys, studio_worker_image.plugin as p; p.model_engines()\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'stable_diffusion_cpp', 'numpy', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
