"""The few calls of the studio's operator API that the demo makes (protocol §6)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import requests
from msgspec import Struct

from studio_worker_core.errors import HttpStatusError, TransportError, WireError

__all__ = ["JobView", "OperatorApi", "ResultView"]

_TIMEOUT_SECONDS = 30.0
_CHUNK_BYTES = 1 << 20


class ResultView(Struct, frozen=True, rename="camel"):
    """What the studio knows of a finished job's result; JSON answers have no ``ext``."""

    ext: str | None = None
    mime: str | None = None
    bytes: int | None = None
    sha256: str | None = None


class JobView(Struct, frozen=True, rename="camel"):
    """One job as the studio sees it."""

    job_id: str
    state: str
    error: str | None = None
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    result: ResultView | None = None

    @property
    def seconds(self) -> float | None:
        """From the claim to the finished result, where the studio tells."""
        if self.claimed_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.claimed_at).total_seconds()


class OperatorApi:
    """Talks to one studio as its operator."""

    def __init__(self, base_url: str, token: str) -> None:
        self._root = base_url.rstrip("/") + "/graphics/api"
        self._http = requests.Session()
        # No proxy and no .netrc: the studio is on this machine.
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {token}"

    def result_url(self, job_id: str) -> str:
        """Where the result of a job can be fetched."""
        return f"{self._root}/jobs/{job_id}/result"

    def pending(self) -> list[str]:
        """Ids of the registration requests that wait."""
        return [str(item["requestId"]) for item in _items(self._call("GET", "/workers/pending"))]

    def approve(self, request_id: str) -> None:
        """Let a worker in."""
        self._call("POST", f"/workers/pending/{request_id}/approve")

    def worker_states(self) -> list[str]:
        """The state of every worker: ``offline``, ``idle``, ``busy``, ``paused``."""
        return [str(item["state"]) for item in _items(self._call("GET", "/workers"))]

    def submit(self, job: dict[str, Any]) -> str:
        """Queue a job; its id."""
        return str(self._call("POST", "/jobs", job)["jobId"])

    def job(self, job_id: str) -> JobView:
        """The state of a job."""
        try:
            return msgspec.convert(self._call("GET", f"/jobs/{job_id}"), JobView)
        except msgspec.ValidationError as error:
            raise WireError("job", str(error)) from None

    def save_result(self, job_id: str, path: Path) -> None:
        """Write the result of a finished job to ``path``."""
        with (
            self._send("GET", f"/jobs/{job_id}/result", None, stream=True) as answer,
            path.open("wb") as file,
        ):
            for chunk in answer.iter_content(_CHUNK_BYTES):
                file.write(chunk)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        with self._send(method, path, body, stream=False) as answer:
            try:
                return answer.json() if answer.content else None
            except requests.JSONDecodeError as error:
                raise WireError(f"{method} {path}", f"no JSON: {error}") from None

    def _send(self, method: str, path: str, body: Any, *, stream: bool) -> requests.Response:
        op = f"{method} {path}"
        try:
            answer = self._http.request(
                method, self._root + path, json=body, timeout=_TIMEOUT_SECONDS, stream=stream
            )
        except requests.RequestException as error:
            raise TransportError(op, str(error)) from error
        if not answer.ok:
            raise HttpStatusError(op, answer.status_code, answer.text[:2000])
        return answer


def _items(listing: Any) -> list[dict[str, Any]]:
    """The items of a paged list, whatever key they come under."""
    if isinstance(listing, list):
        return listing
    return next((value for value in listing.values() if isinstance(value, list)), [])
