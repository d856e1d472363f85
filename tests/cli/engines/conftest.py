"""Engines of a test's own, installed where the command finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.plugin_builder import HEAD, build_plugin

PLUGIN = (
    HEAD
    + """
@hookimpl
def studio_worker_engines(host):
    kinds = {TaskKind.IMAGE: ["slow", "slow:*"], TaskKind.AUDIO_TTS: ["slow:*"]}
    return [EngineSpec(name="slow", models=kinds, factory="slow_engine:Slow", version="1")]

@hookimpl
def studio_worker_extensions():
    return {"png": "image/png", "webp": "image/webp", "wav": "audio/wav"}
"""
)

ENGINE = """
import time
from PIL import Image
from studio_worker_core.plugin import Engine, EngineFailed

class Slow(Engine):
    def generate(self, job):
        if job.task.prompt == "fail":
            raise EngineFailed("as asked")
        for role, files in job.model.files.items():
            job.log(f"{role} is {files[0].read_text()}", "warning")
        job.progress(0.1, "begun")
        while job.task.prompt == "wait":
            time.sleep(0.01)
            job.check_cancelled()
        path = job.output("png")
        Image.new("RGB", (8, 8)).save(path)
        return path
"""


@pytest.fixture
def slow_engine(tmp_path: Path) -> str:
    """``PYTHONPATH`` with the engine ``slow``: its prompts ``wait`` and ``fail`` do so, and it
    answers every wish with a PNG."""
    site = tmp_path / "site"
    site.mkdir()
    build_plugin(site, "slow-plugin", PLUGIN)
    (site / "slow_engine.py").write_text(ENGINE, "utf-8")
    return str(site)
