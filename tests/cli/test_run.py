"""``run`` as an operator sees it start, wait and stop."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio_worker_core.host.lock import InstanceLock
from tests.support.ports import refusing_port

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port on which nobody listens."""
    with refusing_port() as port:
        yield port


def test_a_bad_address_is_one_clear_line(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text('api_base_url = "studio.example"\n', "utf-8")
    shown = cli("run")
    assert shown.returncode == 3
    (line,) = shown.stderr.splitlines()
    assert "'studio.example'" in line
    assert "config set api_base_url" in line


def test_a_wrong_value_is_named_with_file_and_key(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text("[limits]\ntotal_seconds = true\n", "utf-8")
    shown = cli("run")
    assert shown.returncode == 3
    (line,) = shown.stderr.splitlines()
    assert f"{config_file}: limits.total_seconds" in line


def test_a_directory_that_cannot_be_written_is_one_clear_line(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("", "utf-8")
    shown = cli("--config", str(tmp_path / "blocked" / "config.toml"), "run")
    assert shown.returncode == 3
    (line,) = shown.stderr.splitlines()
    assert str(tmp_path / "blocked") in line


def test_a_second_worker_says_which_process_is_in_the_way(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    with InstanceLock(config_file.parent / "daemon.lock"):
        shown = cli("run")
    assert shown.returncode == 6
    (line,) = shown.stderr.splitlines()
    assert "process " in line
    assert "--config" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_unreachable_studio_is_waited_for_until_a_signal_ends_it_well(
    environ: dict[str, str], config_file: Path, closed_port: int, number: signal.Signals
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(f'api_base_url = "http://127.0.0.1:{closed_port}/"\n', "utf-8")
    with subprocess.Popen(
        [*COMMAND, "run"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        while "goes on later" not in line:
            assert line, "it ended without a word about the studio"
            line = process.stderr.readline()
        assert "WARNING" in line
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output == ""
    assert "Traceback" not in errors
