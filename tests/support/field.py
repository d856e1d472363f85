"""A studio and any number of workers, all real processes in one temporary place."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.registration import ApprovedDecision, RegisterRequest
from tests.support.operator import Operator
from tests.support.plugin_builder import build_plugin
from tests.support.processes import StudioProcess, WorkerProcess
from tests.support.recording_handler import sample_capabilities


def fault_plugin_path(root: Path) -> str:
    """A directory for ``PYTHONPATH`` in which the ``fault`` engine is an installed plugin."""
    root.mkdir(parents=True, exist_ok=True)
    build_plugin(
        root,
        "fault-plugin",
        "from tests.support.fault_plugin import *\n"
        "from tests.support.fault_plugin import (\n"
        "    studio_worker_engines, studio_worker_extensions)\n",
        module="installed_fault_plugin",
    )
    return str(root)


class Field:
    """Starts processes and leaves none behind: what it starts ends with ``stack``."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self._stack = stack
        self.studio = StudioProcess(root / "studio")
        self.workers: list[WorkerProcess] = []

    def start_studio(self, *options: str, env: Mapping[str, str] | None = None) -> StudioProcess:
        """Start the studio and wait until it listens."""
        self.studio = StudioProcess(self.root / "studio", *options, env=env)
        return self._stack.enter_context(self.studio)

    @property
    def operator(self) -> Operator:
        """A client of the studio's operator API."""
        return self.studio.operator

    def worker(
        self,
        name: str = "worker",
        *,
        url: str | None = None,
        settings: str = "",
        env: Mapping[str, str] | None = None,
    ) -> WorkerProcess:
        """Start a worker on the config directory ``name``; it is not approved yet."""
        worker = WorkerProcess(self.root / name, url or self.studio.url, settings=settings, env=env)
        self.workers.append(worker)
        return self._stack.enter_context(worker)

    def connected_worker(
        self,
        name: str = "worker",
        *,
        url: str | None = None,
        settings: str = "",
        env: Mapping[str, str] | None = None,
    ) -> WorkerProcess:
        """Start a worker, approve it and wait until the studio sees it idle."""
        worker = self.worker(name, url=url, settings=settings, env=env)
        with worker.explained():
            self.operator.approve_next()
            self.operator.wait_worker("idle")
        return worker

    def enrolled_worker(
        self,
        name: str = "worker",
        *,
        url: str | None = None,
        settings: str = "",
        env: Mapping[str, str] | None = None,
    ) -> WorkerProcess:
        """Like :meth:`connected_worker`, with credentials that are in its config from the
        start: quicker, for tests of what comes after the registration."""
        worker = self.worker(name, url=url, settings=self.enrol() + settings, env=env)
        with worker.explained():
            self.operator.wait_worker("idle")
        return worker

    def enrol(self) -> str:
        """Register and approve a worker that does not run yet; its lines of the config."""
        secret = Secret(uuid.uuid4().hex)
        request = RegisterRequest(
            install_id=str(uuid.uuid4()),
            registration_secret_hash=hashlib.sha256(secret.reveal().encode()).hexdigest(),
            capabilities=sample_capabilities(),
            user_agent="studio-worker/test",
        )
        with closing(StudioClient(self.studio.url)) as client:
            request_id = client.register_request(request).request_id
            self.operator.call("POST", f"/workers/pending/{request_id}/approve")
            decision = client.poll_registration(request_id, secret)
        assert isinstance(decision, ApprovedDecision), decision
        return f'worker_id = "{decision.worker_id}"\nauth_token = "{decision.auth_token}"\n'
