"""Small engines with one flaw each, installed as plugins, and the kit's findings about them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio_worker_core import __version__
from studio_worker_core.plugin import HostInfo
from studio_worker_core.roster.discovery import discover
from studio_worker_core.testing.conformance import Finding, Subject, check_engine, subject_from
from tests.support.plugin_builder import HEAD, build_plugin

PLUGIN = (
    HEAD
    + """
@hookimpl
def studio_worker_engines(host):
    return [EngineSpec(name="flawed", models={{TaskKind.{kind}: {models}}},
                       factory="flawed_engine:Flawed", version="1")]

@hookimpl
def studio_worker_extensions():
    return {extensions}
"""
)

PICTURE = """
import random
from PIL import Image
from studio_worker_core.plugin import *

class Flawed(Engine):
    def generate(self, job):
        task = job.task
        if max(task.width, task.height) > 4096:
            raise InvalidTask("too large")
        job.check_cancelled()
        job.progress(0.5)
        shade = random.Random(f"{task.prompt}/{task.seed}").randrange(256)
        path = job.output("png")
        Image.new("RGB", (task.width, task.height), (shade, 0, 0)).save(path)
        job.progress(1.0)
        return path
"""
"""An image engine without any flaw."""

Check = Callable[..., list[Finding]]


@pytest.fixture
def plugin_text() -> str:
    """The plugin module of an engine without any flaw."""
    return PLUGIN


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Subject]]:
    """Install the engine of a source text; the subject for it."""
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))

    def install(
        engine: str = PICTURE,
        *,
        kind: str = "IMAGE",
        models: str = "['flawed']",
        extensions: str = "{'png': 'image/png'}",
        plugin: str = PLUGIN,
        find: str = "flawed",
    ) -> Subject:
        (root / "flawed_engine.py").write_text(engine, "utf-8")
        source = plugin.format(kind=kind, models=models, extensions=extensions)
        build_plugin(root, "flawed-plugin", source)
        host = HostInfo(1, __version__, tmp_path)
        return subject_from(discover(host, search_path=[str(root)]), find)

    yield install
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(root)):
            del sys.modules[name]


@pytest.fixture
def check(subject: Callable[..., Subject]) -> Check:
    """Make some checks on an engine: ``check("seed", PICTURE.replace(…))``."""

    def run(*names: str, **installed: str) -> list[Finding]:
        return list(check_engine(subject(**installed), only=names).findings)

    return run
