"""SIGTERM and Ctrl-C at any moment of a start: heard, obeyed, without a traceback."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

STARTS = int(os.environ.get("STUDIO_WORKER_TEST_STARTS", "12"))
LONGEST_SECONDS = 4.0
COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]


@pytest.fixture
def silent_studio() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def _started(directory: Path, config: str) -> subprocess.Popen[str]:
    directory.mkdir()
    path = directory / "config.toml"
    path.write_text(config, "utf-8")
    return subprocess.Popen(
        [*COMMAND, "--config", str(path), "run"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_ends_whenever_the_signal_comes(
    tmp_path: Path, silent_studio: str, number: signal.Signals
) -> None:
    moments = [random.uniform(0.15, LONGEST_SECONDS) for _ in range(STARTS)]
    pause = threading.Event()

    def once(index: int) -> tuple[float, int, str]:
        process = _started(tmp_path / str(index), f'api_base_url = "{silent_studio}"\n')
        pause.wait(moments[index])
        process.send_signal(number)
        try:
            output, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            return moments[index], -9, process.communicate()[0]
        return moments[index], process.returncode, output

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(once, range(STARTS)))
    # Before the first line of ours runs, the system itself ends the process.
    wrong = [end for end in ended if end[1] not in (0, -number)]
    assert not wrong
    assert not [output for _, code, output in ended if code == 0 and "Traceback" in output]
