"""Who can read a studio's files, and a first start that finds no space."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from studio_worker_core.storage.atomic import is_draft

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and size limits of POSIX")


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("open_umask")
def test_all_that_a_studio_makes_is_private_whatever_the_umask(
    make_studio: MakeStudio,
) -> None:
    studio = make_studio()
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        assert worker.complete(job_id).status_code == 204
        data = studio.settings.data
        for path in [data, *data.rglob("*")]:
            assert mode(path) == (0o700 if path.is_dir() else 0o600), path
        assert {"studio.db", "studio.db-wal", "studio.db-shm"} <= {p.name for p in data.iterdir()}


def test_what_was_open_before_is_closed_or_said(
    studio: StudioInThread, caplog: pytest.LogCaptureFixture
) -> None:
    studio.stop()
    data = studio.settings.data
    (data / "studio.db").chmod(0o644)
    data.chmod(0o755)
    (data / "operator-token").chmod(0o640)
    studio.start()
    assert mode(data / "studio.db") == 0o600
    assert mode(data / "studio.db-wal") == 0o600
    assert f"{data} has mode 755" in caplog.text
    assert f"chmod 600 {data / 'operator-token'}" in caplog.text
    assert mode(data) == 0o755


_SERVE_WITH_LITTLE_SPACE = """
import resource, sys
from studio_worker_core.cli.main import main
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main())
"""


@pytest.fixture(scope="module")
def commands_are_known() -> None:
    """Where nothing can be kept, a plugin is not asked for its commands either."""
    command = [sys.executable, "-m", "studio_worker_core.cli.main", "studio", "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


@pytest.mark.usefixtures("commands_are_known")
@pytest.mark.parametrize("limit", [0, 16, 4096, 20_000, 60_000, 120_000])
def test_a_first_start_without_space_says_so_and_blocks_no_second(
    tmp_path: Path, make_studio: MakeStudio, limit: int
) -> None:
    """A limit on the size of files, at several places of the start."""
    data = tmp_path / "studio"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _SERVE_WITH_LITTLE_SPACE, str(limit)),
            *("studio", "serve", "--data", str(data), "--port", "0"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if line:  # it was enough to start with
        process.terminate()
    _, errors = process.communicate(timeout=60)
    assert line or (process.returncode == 1 and str(data) in errors), errors
    assert line or "Traceback" not in errors
    studio = make_studio()
    assert len(studio.token) == 64
    studio.submit()
    assert not [path for path in data.iterdir() if is_draft(path.name)]
