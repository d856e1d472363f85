"""A worker under measurement: ours, or any other command that speaks the protocol."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.suite.processes import free_of_settings
from bench.suite.studio import TOKEN, WORKER

OURS = f"{shlex.quote(sys.executable)} -m studio_worker_core.cli.main --config {{config}} run"
_END_SECONDS = 60.0


class UnusableCommand(Exception):
    """The command line names no worker."""


def command_for(template: str, config: Path) -> list[str]:
    """The command with the place of its config file put in for ``{config}``.

    Raises:
        UnusableCommand: it has no place for that, or is no command line.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UnusableCommand(f"{template!r} is no command line: {error}") from error
    if not any("{config}" in word for word in words):
        raise UnusableCommand(
            f"{template!r} does not say where its config file goes: write {{config}} there, as in "
            "'studio-worker --config {config} run'"
        )
    return [word.replace("{config}", str(config)) for word in words]


class MeasuredWorker:
    """One process on a directory of its own, registered already; a context manager.

    :param lines: more of its config.
    """

    def __init__(self, template: str, directory: Path, url: str, lines: Sequence[str] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "config.toml"
        self._log = directory / "log.txt"
        self._command = command_for(template, self.config)
        self.environ: Mapping[str, str] = free_of_settings() | {
            "HOME": str(directory),
            "XDG_CONFIG_HOME": str(directory / "config"),
            "XDG_CACHE_HOME": str(directory / "cache"),
            "XDG_DATA_HOME": str(directory / "data"),
            "STUDIO_WORKER_LOCAL_API_PORT": "0",
            "STUDIO_WORKER_STREAM_PORT": "0",
        }
        settings = (
            f'api_base_url = "{url}"',
            # What the existing worker cannot do without, and what would disturb a measurement.
            "vram_threshold_gb = 12.0",
            "auto_start = false",
            "auto_update_enabled = false",
            "ws_reconnect_attempts = 0",
            f'models_root = "{directory / "models"}"',
            'install_id = "6f9619ff-8b86-4011-b42d-00c04fc964ff"',
            f'worker_id = "{WORKER}"',
            f'auth_token = "{TOKEN}"',
            *lines,
        )
        self.config.write_text("\n".join(settings) + "\n", "utf-8")
        self.config.chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()

    def said(self) -> str:
        """The end of what it printed."""
        return self._log.read_text("utf-8", "replace")[-2000:] if self._log.exists() else ""

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    env=dict(self.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            except OSError as error:
                raise UnusableCommand(f"{self._command[0]} cannot be started: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
