"""An input fetcher for tests, and inputs that come with the task."""

from __future__ import annotations

import base64

from studio_worker_core.config import InputLimits
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.models.inputs import InputFetcher
from tests.downloads.file_server import FileServer


def fetcher(server: FileServer, **limits: object) -> InputFetcher:
    return InputFetcher(
        InputLimits(**limits),  # type: ignore[arg-type]
        server.url(""),
        fetcher=Fetcher(stall_seconds=5.0),
        first_pause=0.001,
    )


def inline(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
