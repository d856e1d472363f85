"""When the engine is offered, and what that costs."""

from __future__ import annotations

import subprocess
import sys

from studio_worker_core.plugin import TaskKind
from studio_worker_llm.plugin import engines


def test_the_engine_is_offered_where_its_library_is_installed() -> None:
    assert engines(lambda _: False) == []
    (spec,) = engines(lambda module: module == "xllamacpp")
    assert spec.name == "llama-cpp"
    assert spec.models == {TaskKind.LLM: ["llama-cpp:*"]}


def test_offering_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, studio_worker_llm.plugin as p, studio_worker_llm.options\n"
        "p.studio_worker_engines(None)\n"
        "print(sorted({'xllamacpp', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
