"""The operator of a studio under test."""

from __future__ import annotations

from typing import Any

from studio_worker_studio.client import OperatorClient
from tests.support.waiting import eventually


class Operator:
    """The operator API of our studio (protocol §6), as literal JSON."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call, on a connection of its own; the JSON answer, or the bytes when it is none."""
        with OperatorClient(self._url, self._token, direct=True, seconds=60) as client:
            answer = client.request(method, path, json=body)
        if answer.headers.get("content-type", "").startswith("application/json"):
            return answer.json()
        return answer.content

    def listing(self, path: str) -> list[dict[str, Any]]:
        """The items of a list endpoint, all pages of it."""
        with OperatorClient(self._url, self._token, direct=True, seconds=60) as client:
            return list(client.items(path))

    def approve_next(self, timeout: float = 90.0) -> str:
        """Wait for a registration request and approve it; its request id."""
        waiting = eventually(
            "a registration request", lambda: self.listing("/workers/pending"), timeout=timeout
        )
        request_id = str(waiting[0]["requestId"])
        self.call("POST", f"/workers/pending/{request_id}/approve")
        return request_id

    def wait_worker(self, state: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait until some worker is in ``state``; that worker."""
        return eventually(
            f"a worker that is {state}",
            lambda: next((w for w in self.listing("/workers") if w["state"] == state), None),
            timeout=timeout,
        )

    def submit(self, model: str, task: dict[str, Any], **more: Any) -> str:
        """Queue a job; its id."""
        answer = self.call("POST", "/jobs", {"model": model, "task": task, **more})
        return str(answer["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as the studio sees it."""
        answer: dict[str, Any] = self.call("GET", f"/jobs/{job_id}")
        return answer

    def wait_job(self, job_id: str, *states: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait until the job is in one of ``states`` (default: ended)."""
        wanted = states or ("done", "failed", "cancelled")

        def probe() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in wanted else None

        return eventually(f"job {job_id} {'/'.join(wanted)}", probe, timeout=timeout)

    def result(self, job_id: str) -> Any:
        """The bytes or the JSON of a finished job."""
        return self.call("GET", f"/jobs/{job_id}/result")
