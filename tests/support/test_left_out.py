"""What a machine cannot run is said in the last lines of the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest
from tests.support.left_out import leave_out

@pytest.fixture(scope="session")
def server():
    leave_out("tests on a server", "apt-get install server")

@pytest.mark.parametrize("number", range(3))
def test_on_it(server, number): ...

def test_other(): pytest.skip("for a reason of its own")

def test_browser(): leave_out("tests in a browser", "install browser")
"""


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_what_was_left_out_is_counted_with_the_command_that_brings_it(
    tmp_path: Path, processes: tuple[str, ...]
) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, "utf-8")
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text("utf-8"), "utf-8")
    done = subprocess.run(
        [*(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"), *processes, tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert "left out 1: tests in a browser. To run them: install browser" in lines[-3:]
    assert "left out 3: tests on a server. To run them: apt-get install server" in lines[-3:]
    assert "5 skipped" in lines[-1]
