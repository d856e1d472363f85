"""The real command in a process of its own, in a home of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.cli.main import main

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose config and cache directories are below ``tmp_path``."""
    dropped = ("STUDIO_WORKER_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TERM": "xterm-256color",
    }


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Where the config file is by default in :func:`environ`."""
    return tmp_path / "config" / "minis-studio-worker" / "config.toml"


@pytest.fixture
def cli(environ: dict[str, str], tmp_path: Path) -> Run:
    """Run ``studio-worker`` with arguments; its exit status and output."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**environ, **extra},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def here(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """As :func:`cli`, in this process: for what a process of its own adds nothing to."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(environ):
                patch.delenv(name)
            for name, value in {**environ, **extra}.items():
                patch.setenv(name, value)
            status = main(list(arguments))
        written = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, written.out, written.err)

    return run


@pytest.fixture
def on_terminal(environ: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a program on a terminal of its own; its exit status and what it wrote there."""

    def run(argv: list[str], *, typing: bool = False, **extra: str) -> tuple[int, str]:
        controller, terminal = pty.openpty()
        chunks: list[bytes] = []

        def read() -> None:
            while True:
                try:
                    data = os.read(controller, 4096)
                except OSError:  # how Linux says that the other end is closed
                    return
                if not data:
                    return
                chunks.append(data)

        reader = threading.Thread(target=read)
        reader.start()
        # An empty value stands for a variable that is not set.
        wanted = {**environ, "COLUMNS": "100", **extra}
        done = subprocess.run(
            argv,
            env={name: value for name, value in wanted.items() if value},
            cwd=tmp_path,
            stdin=terminal if typing else subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            check=False,
            timeout=60,
        )
        os.close(terminal)
        reader.join(60)
        os.close(controller)
        return done.returncode, b"".join(chunks).decode("utf-8")

    return run
