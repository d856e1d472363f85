"""What a program of this machine does: find the local API of a worker, and ask it."""

from __future__ import annotations

import json
from typing import Any

import requests

from studio_worker_core.local_api.discovery import NAME
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually


class LocalClient:
    """One worker's local API, with its token."""

    def __init__(self, worker: WorkerProcess) -> None:
        file = worker.config.parent / NAME
        with worker.explained():
            eventually("the local API is announced", file.is_file)
        there = json.loads(file.read_text("utf-8"))
        self.url = there["url"]
        self.signed = {"authorization": f"Bearer {there['token']}"}

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """The answer to one request."""
        return requests.request(
            method,
            self.url + path,
            data=None if body is None else json.dumps(body),
            headers=self.signed,
            timeout=120,
            **options,
        )

    def status(self) -> dict[str, Any]:
        """``GET /daemon/status``."""
        answer = self.ask("GET", "/daemon/status")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
