"""The existing worker itself as a peer: ``make test-original ORIGINAL=path`` runs these tests.

The path is that of its executable, or of the ``.xz`` it is packed in; it comes in the environment
variable ``STUDIO_WORKER_ORIGINAL``. It is never part of this project.
"""

from __future__ import annotations

import lzma
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.field import Field
from tests.support.processes import ProcessUnderTest

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

PATH_VARIABLE = "STUDIO_WORKER_ORIGINAL"


class ExistingWorker(ProcessUnderTest):
    """The existing worker's daemon on ``directory/config.toml``, off its fixed ports."""

    name = "existing worker"

    def __init__(self, executable: Path, directory: Path, studio_url: str, lines: str = "") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "config.toml"
        if not self.config.exists():
            self.config.write_text(
                f'api_base_url = "{studio_url}"\n'
                "vram_threshold_gb = 12.0\n"
                "auto_start = false\n"
                "auto_update_enabled = false\n"
                "local_api_port = 0\n"
                "ws_reconnect_attempts = 0\n"
                f'models_root = "{directory / "models"}"\n' + lines,
                "utf-8",
            )
            self.config.chmod(0o600)
        super().__init__(
            [str(executable), "--config", str(self.config), "run"],
            env={
                "HOME": str(directory),
                "STUDIO_WORKER_LOCAL_API_PORT": "0",
                "STUDIO_WORKER_STREAM_PORT": "0",
                "RUST_LOG": "info",
            },
        )


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The existing worker, unpacked where it has to be."""
    named = os.environ.get(PATH_VARIABLE)
    if not named:
        pytest.skip(f"{PATH_VARIABLE} does not name the existing worker")
    given = Path(named).resolve()
    program = tmp_path_factory.mktemp("existing") / "studio-worker"
    packed = given.read_bytes()
    program.write_bytes(lzma.decompress(packed) if given.suffix == ".xz" else packed)
    program.chmod(0o755)
    return program


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(tmp_path, stack)


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory, executable: Path
) -> Iterator[tuple[Field, ExistingWorker]]:
    """Our studio with one existing worker, idle: for jobs that leave nothing behind."""
    with ExitStack() as stack:
        field = Field(tmp_path_factory.mktemp("field"), stack)
        field.start_studio()
        worker = ExistingWorker(
            executable, field.root / "existing", field.studio.url, lines=field.enrol()
        )
        stack.enter_context(worker)
        field.operator.wait_worker("idle", timeout=60)
        yield field, worker
