"""The demo's stage: a studio and an approved worker as processes, gone when it is left."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import msgspec

from studio_worker_studio.client import OperatorClient
from studio_worker_studio.demo.inputs import InputServer
from studio_worker_studio.demo.processes import Child, ChildFailed

_START_SECONDS = 20.0
_POLL_SECONDS = 0.1


class Stage:
    """A running studio with one idle worker, in a temporary directory, while entered."""

    api: OperatorClient
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
        client = OperatorClient(self.studio_url, self.token, direct=True)
        self.api = self._undo.enter_context(client)
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
        self.config_file.write_text(
            f"api_base_url = {_toml(self.studio_url)}\n"
            f"models_root = {_toml(str(self.config_file.parent / 'models'))}\n"
            "[inputs]\nallow_private = true\n",
            "utf-8",
        )
        self.config_file.chmod(0o600)

    def _approve(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not any(worker["state"] == "idle" for worker in self.api.items("/workers")):
            for request in self.api.items("/workers/pending"):
                self.api.post(f"/workers/pending/{request['requestId']}/approve")
            if time.monotonic() > deadline:
                raise ChildFailed(
                    "worker", f"did not connect in {_START_SECONDS:g} s", self.worker.tail()
                )
            self.wait()


def _toml(text: str) -> str:
    """A JSON string is one of TOML, too."""
    return msgspec.json.encode(text).decode("utf-8")
