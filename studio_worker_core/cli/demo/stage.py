"""The demo's stage: a studio and an approved worker as processes, gone when it is left."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from studio_worker_core.cli.demo.inputs import InputServer
from studio_worker_core.cli.demo.processes import Child, ChildFailed
from studio_worker_core.cli.demo.studio_api import OperatorApi
from studio_worker_core.config import ConfigStore, InputLimits

__all__ = ["Stage"]

_START_SECONDS = 20.0
_POLL_SECONDS = 0.1


class Stage:
    """A running studio with one idle worker, in a temporary directory, while entered."""

    api: OperatorApi
    inputs: InputServer
    studio: Child
    worker: Child

    def __init__(self) -> None:
        self._undo = ExitStack()
        self.studio_url = ""

    def __enter__(self) -> Stage:
        try:
            self._set_up()
        except BaseException:
            # Ctrl-C during the start leaves nothing behind either.
            self._undo.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    @property
    def children(self) -> tuple[Child, Child]:
        """The worker and the studio."""
        return self.worker, self.studio

    def wait(self, seconds: float = _POLL_SECONDS) -> None:
        """Pause between two looks at the studio; raises ChildFailed if a process ended."""
        for child in self.children:
            child.check_alive()
        time.sleep(seconds)

    def _set_up(self) -> None:
        root = Path(
            self._undo.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="studio-worker-demo-", ignore_cleanup_errors=True
                )
            )
        )
        self.token_file = root / "studio" / "operator-token"
        self.token_file.parent.mkdir()
        self.config_file = root / "worker" / "config.toml"
        self.inputs = self._undo.enter_context(InputServer(root / "inputs"))
        self.studio = self._undo.enter_context(self._studio(root / "studio"))
        listening = self.studio.wait_for(
            r"listening on (http://[\w.\[\]:]+:\d+/?)", seconds=_START_SECONDS
        )
        self.studio_url = listening.group(1)
        self.token = self.token_file.read_text("utf-8").strip()
        self.api = OperatorApi(self.studio_url, self.token)
        self._undo.callback(self.api.close)
        self._configure_worker()
        self.worker = self._undo.enter_context(
            Child("worker", ["--config", str(self.config_file), "run"])
        )
        self._approve()

    def _studio(self, data: Path) -> Child:
        options = ["--host", "127.0.0.1", "--port", "0", "--data", str(data)]
        token = ["--operator-token-file", str(self.token_file)]
        return Child("studio", ["studio", "serve", *options, *token])

    def _configure_worker(self) -> None:
        self.config_file.parent.mkdir()
        # The inputs of later jobs come from this machine, which is refused otherwise.
        ConfigStore(self.config_file).update(
            api_base_url=self.studio_url, inputs=InputLimits(allow_private=True)
        )

    def _approve(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while "idle" not in self.api.worker_states():
            for request_id in self.api.pending():
                self.api.approve(request_id)
            if time.monotonic() > deadline:
                raise ChildFailed(
                    "worker", f"did not connect in {_START_SECONDS:g} s", self.worker.tail()
                )
            self.wait()
