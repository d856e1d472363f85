"""The kit inside pytest: each check a test, with the check's own reason when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.plugin_builder import build_plugin, good_source

Pytest = Callable[..., subprocess.CompletedProcess[str]]

ENGINE = """
from PIL import Image
from studio_worker_core.plugin import Engine

class Engine(Engine):
    def generate(self, job):
        path = job.output("png")
        Image.new("RGB", (64, 64)).save(path)
        return path
"""

TEST = """
import pytest

@pytest.mark.studio_worker_engine("good", {options})
def test_contract(conformance_check):
    conformance_check.verify()
"""


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """A plugin author's own pytest on a plugin whose pictures have always one size."""
    site = tmp_path / "site"
    site.mkdir()
    build_plugin(site, "good-plugin", good_source())
    (site / "good_engine.py").write_text(ENGINE, "utf-8")

    def run(source: str, *options: str) -> subprocess.CompletedProcess[str]:
        test = tmp_path / "tests" / "test_engine.py"
        test.parent.mkdir(exist_ok=True)
        test.write_text(source, "utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-rs", "-v", *options, test],
            env={**os.environ, "PYTHONPATH": str(site)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_each_check_is_a_test_that_fails_with_its_own_reason(run_pytest: Pytest) -> None:
    done = run_pytest(TEST.format(options=""), "-k", "as-asked or light-import")
    assert done.returncode == 1
    assert "test_contract[light-import] PASSED" in done.stdout
    assert "test_contract[as-asked] FAILED" in done.stdout
    assert "is 64×64 pixels, asked for 128×64" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_check_can_be_left_out_with_a_reason(run_pytest: Pytest) -> None:
    options = "skip={'as-asked': 'icons have one size'}"
    done = run_pytest(TEST.format(options=options), "-k", "as-asked")
    assert done.returncode == 0, done.stdout
    assert "icons have one size" in done.stdout


def test_parameters_reach_every_task(run_pytest: Pytest) -> None:
    options = "parameters={'width': 64, 'height': 64}"
    done = run_pytest(TEST.format(options=options), "-k", "as-asked")
    assert "is 64×64 pixels, asked for 64×192" in done.stdout


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (TEST.format(options="nonsense=1"), "no option nonsense"),
        (TEST.format(options="skip={'nonsense': 'x'}"), "there is no check 'nonsense'"),
        (TEST.format(options="").replace('"good"', '"bad"'), "no engine or plugin is named 'bad'"),
        ("def test_contract(conformance_check): ...\n", "name the engine with @pytest.mark"),
    ],
)
def test_a_mistake_in_the_test_is_explained(run_pytest: Pytest, source: str, said: str) -> None:
    done = run_pytest(source, "-k", "seed")
    assert done.returncode == 1
    assert said in done.stdout
